"""Command line of ``run.py``, and the tools and packages that are missing for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import instructions
from plan import OPERATIONS
from subjects.projects import PROJECTS

PURGE = "purge"
"""The operation that is measured in a way of its own."""

_NAMES = (*(operation.name for operation in OPERATIONS), PURGE)
_ROWS = [1_000, 100_000, 1_000_000]


def parse(description: str) -> argparse.Namespace:
    """Read the command line, and say on standard error what is left out for want of a tool."""
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("operations", nargs="*", metavar="OPERATION", help=f"of {', '.join(_NAMES)}; default: all")
    add("--rows", nargs="+", type=int, default=_ROWS, help="stored credentials and tokens")
    add(
        "--database",
        choices=["sqlite", "postgresql"],
        help="default: SQLite, and PostgreSQL if DATABASE_URL names one",
    )
    add("--instructions", action="store_true", help="count instructions, and take no time")
    add("--times", action="store_true", help="take times, and count no instructions")
    add(
        "--quick",
        action="store_true",
        help="a look in a minute: few rows, SQLite, times",
    )
    add("--without-peers", action="store_true", help="leave other packages out")
    add("--rate-limits", action="store_true", help="count requests in the cache, floors too")
    add("--http", action="store_true", help="serve exchange and verify by gunicorn as well")
    add("--profile", action="store_true", help="print where our functions spend their time")
    add("--markdown", type=Path, help="write the tables to this file")
    add("--chart", type=Path, help="draw the times into this SVG file")
    wanted = parser.parse_args()
    unknown = set(wanted.operations) - set(_NAMES)
    if unknown:
        parser.error(f"no operation: {', '.join(sorted(unknown))}")
    wanted.operations = wanted.operations or _NAMES
    if wanted.quick:
        wanted.rows, wanted.database, wanted.times = _ROWS[:1], "sqlite", True
    _say_what_is_missing(wanted)
    return wanted


def _say_what_is_missing(wanted: argparse.Namespace) -> None:
    if not wanted.times and not instructions.is_available():
        print("valgrind is not installed: no instructions are counted.", file=sys.stderr)
        wanted.times = True
    missing = sorted(
        {
            project.distribution
            for project in PROJECTS.values()
            if project.distribution and not project.is_installed
        }
    )
    if missing and not wanted.without_peers:
        print(
            f"Not installed, and so not measured: {', '.join(missing)}. "
            "To have them: pip install --group benchmarks",
            file=sys.stderr,
        )
