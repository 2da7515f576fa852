"""The installed Chromium and axe-core, and the arguments to start Chromium with."""

from __future__ import annotations

import importlib.util
import os
import shutil

from tests.support.paths import ROOT

HERE = ROOT / "tests" / "browser"
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
# A container may be short of shared memory, and run the tests as root. The rest turns off what
# Chromium requests in the background.
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
    """Return the path of Chromium: the one in CHROMIUM, or the one on PATH."""
    return shutil.which(os.environ.get("CHROMIUM", "chromium"))


def what_is_missing() -> str:
    """Return what the browser tests lack and how to install it, or ""."""
    if importlib.util.find_spec("playwright") is None:
        return "needs Playwright: the dependency group `browser`"
    if chromium() is None:
        return "needs Chromium: Debian's package `chromium`, or its path in CHROMIUM"
    if not AXE.exists():
        return f"needs axe-core: `npm ci` in {HERE.parent.name}/{HERE.name}"
    return ""
