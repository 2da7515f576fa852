"""Do all tests pass on this machine?

Needs a Python of 3.11 or newer and no service. Every argument goes to pytest. The same tests run on
the database and the cache that DATABASE_URL and CACHE_URL name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.parse

import environment


def main() -> int:
    """Make the environment, say what the tests run on, and return pytest's exit status."""
    python = environment.ensure("test", extras=["example"], groups=["test"])
    print(f"Database: {_named('DATABASE_URL', default='SQLite in memory')}")
    print(f"Cache:    {_named('CACHE_URL', default='local memory')}", flush=True)
    pytest = [str(python), "-m", "pytest", *sys.argv[1:]]
    return subprocess.run(pytest, cwd=environment.ROOT, check=False).returncode


def _named(variable: str, *, default: str) -> str:
    """Describe where a URL leads, without the password that may be in it."""
    value = os.environ.get(variable)
    if not value:
        return f"{default} ({variable} names another)"
    url = urllib.parse.urlsplit(value)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path} ({variable})"


if __name__ == "__main__":
    sys.exit(main())
