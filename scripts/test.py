"""The test command: all tests in parallel, in an environment of their own.

Needs Python 3.11 or newer and no service. All arguments go to pytest, such as ``tests/core -x`` or
``-n 0`` to run in one process. DATABASE_URL and CACHE_URL choose another database and cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.parse

import environment

# One process for each core; tests that share something slow stay together.
PARALLEL = ("-n", "auto", "--dist", "loadgroup")


def main() -> int:
    """Create the environment, print what the tests use, and return pytest's exit status."""
    python = environment.ensure("test", extras=["example"], groups=["test"])
    print(f"Database: {_described('DATABASE_URL', default='SQLite in memory')}")
    print(f"Cache:    {_described('CACHE_URL', default='local memory')}", flush=True)
    pytest = [str(python), "-m", "pytest", *PARALLEL, *sys.argv[1:]]
    return subprocess.run(pytest, cwd=environment.ROOT, check=False).returncode


def _described(variable: str, *, default: str) -> str:
    """Describe where a URL leads, without the password that it may contain."""
    value = os.environ.get(variable)
    if not value:
        return f"{default} (set {variable} for another)"
    url = urllib.parse.urlsplit(value)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path} ({variable})"


if __name__ == "__main__":
    sys.exit(main())
