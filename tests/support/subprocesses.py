"""Python processes of the tests, and their environment variables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def environment(*folders: Path, **variables: str) -> dict[str, str]:
    """Return the variables of a project with the tests' settings and services of its own.

    ``folders`` come before those in which this process finds its modules, wherever they are.
    """
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, folders), *filter(None, sys.path)]),
        "DATABASE_URL": "sqlite://:memory:",
        "CACHE_URL": "locmemcache://",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        **variables,
    }


def run_python(
    *arguments: str, env: dict[str, str], folder: Path | None = None, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the interpreter of the tests, with ``text`` on its standard input."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=env,
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
