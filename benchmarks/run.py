"""What does each operation cost, beside the least that it could and beside other packages?

``--help`` says what can be chosen; README.md beside this file says how it is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator

import instructions
from databases import Maker, postgresql, sqlite
from measuring import Figures, measure
from plan import OPERATIONS, Entry, Operation
from stage import Stage
from subjects.projects import PROJECTS
from table import Section, as_text

_ROUNDS = 25
_BATCH_UNDER_VALGRIND = 20


def main() -> int:
    """Measure what was asked for, and print it."""
    wanted = _arguments()
    _say_what_is_missing(wanted)
    names = wanted.operations or [operation.name for operation in OPERATIONS]
    for title, place in _places(wanted.database):
        for rows in wanted.rows:
            with place as make, Stage(make, rows=rows, rate_limits=False, cache=None) as stage:
                for operation in OPERATIONS:
                    if operation.name in names:
                        figures = _measure(operation, stage, wanted)
                        section = Section(
                            operation=operation, place=f"{title}, {rows:,} rows", figures=figures
                        )
                        print(as_text(section), flush=True)
                        print()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add(
        "operations",
        nargs="*",
        metavar="OPERATION",
        choices=[*(operation.name for operation in OPERATIONS), []],
        help="exchange, reuse, verify, …; default: all",
    )
    add("--rows", nargs="+", type=int, default=[1000], help="stored credentials and tokens")
    add(
        "--database", choices=["sqlite", "postgresql"], help="default: both, if DATABASE_URL is set"
    )
    add("--instructions", action="store_true", help="count instructions, and take no time")
    add("--times", action="store_true", help="take times, and count no instructions")
    return parser.parse_args()


def _say_what_is_missing(wanted: argparse.Namespace) -> None:
    if not wanted.times and not instructions.is_available():
        print("valgrind is not installed: no instructions are counted.", file=sys.stderr)
        wanted.times = True


def _places(database: str | None) -> Iterator[tuple[str, contextlib.AbstractContextManager[Maker]]]:
    url = os.environ.get("DATABASE_URL", "")
    if database != "postgresql":
        yield "SQLite", sqlite()
    if url.startswith("postgres") and database != "sqlite":
        yield "PostgreSQL", postgresql(url)


def _measure(
    operation: Operation, stage: Stage, wanted: argparse.Namespace
) -> dict[Entry, Figures]:
    entries = [each for each in operation.entries if PROJECTS[each.project].is_installed]
    figures = dict.fromkeys(entries, Figures())
    if not wanted.instructions:
        figures = measure({entry: stage.child(entry) for entry in entries}, rounds=_ROUNDS)
    if not wanted.times:
        counts = {
            entry: stage.counted_child(entry).count(entry.step, _BATCH_UNDER_VALGRIND)
            for entry in entries
        }
        for entry, count in counts.items():
            figures[entry] = dataclasses.replace(
                figures[entry],
                instructions=count,
                instruction_ratio=count / counts[operation.floor],
            )
    return figures


if __name__ == "__main__":
    sys.exit(main())
