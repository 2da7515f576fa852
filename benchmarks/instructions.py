"""Instructions of a request, counted by callgrind.

Callgrind counts in the subject's process: Python, its extensions and the C library, not the kernel
and not a database server. The process starts and warms up without counting. It then handles n
requests and 2 n; the difference is the cost of n requests, without that of asking the process.

Two causes of noise are removed. The garbage collector is off. And the smallest of several samples
counts, because under valgrind the clock runs on, so that work which is done once a second or a
minute would appear in nearly every sample.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from children import Child
from subjects.projects import Surroundings

_SAMPLES = 4
_WARM_UP = 60


def is_available() -> bool:
    """Tell whether valgrind is on this machine."""
    return bool(shutil.which("valgrind") and shutil.which("vgdb"))


class CountedChild:
    """A subject under callgrind."""

    def __init__(self, child: Child, folder: Path) -> None:
        self._child = child
        self._folder = folder
        self._dumps = 0
        self._is_counting = False

    def count(self, step: str, requests: int) -> float:
        """Return the instructions of one request, from samples of ``requests`` and twice that."""
        self._send(step, min(_WARM_UP, 4 * requests))
        if not self._is_counting:
            self._child.ask("keep_garbage")
            self._command("instrumentation", "on")
            self._is_counting = True
        self._send(step, requests)
        once, twice = (
            min(self._counted(step, count) for _ in range(_SAMPLES))
            for count in (requests, 2 * requests)
        )
        return (twice - once) / requests

    def _send(self, step: str, requests: int) -> None:
        self._child.ask("prepare", step=step, count=requests)
        self._child.ask("send")

    def _counted(self, step: str, requests: int) -> int:
        self._child.ask("prepare", step=step, count=requests)
        self._dump()
        self._child.ask("send")
        return self._dump()

    def _dump(self) -> int:
        """Return the instructions since the last dump."""
        self._command("dump")
        self._dumps += 1
        dump = self._folder / f"callgrind.{self._child.pid}.{self._dumps}"
        text = dump.read_text()
        dump.unlink()
        totals = next(line for line in text.splitlines() if line.startswith("totals:"))
        return int(totals.split()[1])

    def _command(self, *words: str) -> None:
        subprocess.run(
            ["vgdb", f"--pid={self._child.pid}", *words], capture_output=True, check=True
        )


@contextmanager
def counted_child(
    project: str, surroundings: Surroundings, state: dict[str, Any]
) -> Iterator[CountedChild]:
    """Start a subject under callgrind."""
    with tempfile.TemporaryDirectory(prefix="callgrind-") as folder:
        under = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            "--instr-atstart=no",
            f"--callgrind-out-file={folder}/callgrind.%p",
        ]
        with Child(project, surroundings, state, under=under) as child:
            yield CountedChild(child, Path(folder))
