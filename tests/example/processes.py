"""Run the example as it is run in earnest: in a process of its own, with an environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.processes import run_python

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = ROOT / "example_project"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run python in the example's folder, where only ``variables`` tell it what to be."""
    # Coverage follows into child processes by variables of its own.
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    kept |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    told = {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return run_python("-W", "error", *arguments, env=kept | told, folder=PROJECT)
