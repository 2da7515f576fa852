"""Which browser, and which engine that looks for barriers, does this machine have?"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
# Its tabs share memory that a container may be short of, and it runs as whoever runs the tests.
# The rest is what a browser tells and asks of its makers when nobody uses it.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Return where Chromium is: what CHROMIUM names, or the one on PATH."""
    return shutil.which(os.environ.get("CHROMIUM", "chromium"))


def what_is_missing() -> str:
    """Say what keeps the browser tests from running, and how to get it; "" if nothing does."""
    if importlib.util.find_spec("playwright") is None:
        return "needs Playwright: the dependency group `browser`"
    if chromium() is None:
        return "needs Chromium: Debian's package `chromium`, or its path in CHROMIUM"
    if not AXE.exists():
        return f"needs axe-core: `npm ci` in {HERE.parent.name}/{HERE.name}"
    return ""
