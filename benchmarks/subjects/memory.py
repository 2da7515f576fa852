"""Peak memory of this process."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

# What it is given in: bytes on macOS, kibibytes elsewhere.
_UNIT = 1 if sys.platform == "darwin" else 1024


def forget_peak_memory() -> None:
    """Begin anew, where Linux can do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the most bytes that were resident, since they were forgotten where that works."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
