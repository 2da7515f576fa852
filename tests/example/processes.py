"""Runs the example in a process of its own, with its own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.paths import ROOT
from tests.support.subprocesses import run_python

PROJECT = ROOT / "example_project"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the example's folder, configured by ``variables`` only."""
    return run_python("-W", "error", *arguments, env=_environment_of(variables), folder=PROJECT)


@contextmanager
def talking(*arguments: str, **variables: str) -> Iterator[Callable[[str], str]]:
    """Start Python as ``run`` does; yield a function that sends a line and returns the answer."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", *arguments],
        env=_environment_of(variables),
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    sent, answered = process.stdin, process.stdout

    def ask(line: str) -> str:
        sent.write(f"{line}\n")
        sent.flush()
        return answered.readline()

    with process:
        yield ask
        # The process exits at the end of its input.
        process.communicate(timeout=30)


def _environment_of(variables: dict[str, str]) -> dict[str, str]:
    # Coverage measures child processes through its own variables.
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    kept |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    told = {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "config.settings", **variables}
    return kept | told
