"""Cost of each operation, compared with hand-written floors and with other packages.

``--help`` lists the options; README.md in this folder describes how the costs are measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import over_http
import purge_timings
from arguments import PURGE, parse
from chart import draw
from databases import postgresql, sqlite
from over_http import HttpSection
from plan import OPERATIONS, Entry, Operation
from purge_timings import PurgeSection
from sections import Section
from stage import Stage
from subjects.projects import PROJECTS
from timings import Figures, measure

_ROUNDS = 25
_QUICK_ROUNDS = 3
_BATCH_UNDER_VALGRIND = 20
_PROFILED = 200


def main() -> int:
    """Measure what was asked for, and print it."""
    wanted = parse(__doc__.partition("\n")[0])
    sections = []
    for section in _sections(wanted):
        print(section.table(), end="\n\n", flush=True)
        sections.append(section)
    if wanted.markdown:
        text = "\n".join(section.table().as_markdown() for section in sections)
        wanted.markdown.write_text(text)
    if wanted.chart:
        _draw(sections, wanted.chart)
    return 0


def _draw(sections: Sequence[Section | PurgeSection | HttpSection], path: Path) -> None:
    # The last database with the most rows is the nearest to a service's.
    last = [
        section
        for section in sections
        if section.place == sections[-1].place and not isinstance(section, HttpSection)
    ]
    python = f"Python {platform.python_version()}"
    picture = draw(
        [section.panel() for section in last],
        subtitle=(
            f"{last[0].place}; {python}, {platform.machine()}; "
            "tokens of token_exchange and of the floors: ES256"
        ),
        description="\n\n".join(str(section.table()) for section in last),
    )
    path.write_text(picture)


def _sections(wanted: argparse.Namespace) -> Iterator[Section | PurgeSection | HttpSection]:
    for title, url in _places(wanted):
        for rows in wanted.rows:
            place = f"{title}, {rows:,} rows" + ", rates limited" * wanted.rate_limits
            with (
                postgresql(url) if url else sqlite() as make,
                Stage(make, rows=rows, rate_limits=wanted.rate_limits) as stage,
            ):
                for operation in _operations(wanted):
                    # What a process does with more rows is the same; only the database works more.
                    counts = not wanted.times and (wanted.instructions or rows == wanted.rows[0])
                    figures = _figures(operation, stage, wanted, counts=counts)
                    yield Section(
                        operation=operation, place=place, figures=figures, has_server=bool(url)
                    )
                    if wanted.profile:
                        _print_profile(operation, stage)
                    if wanted.http and operation.aim_over_http:
                        yield over_http.serve(operation, stage, place=place)
                if PURGE in wanted.operations and not wanted.instructions:
                    entries = _present(purge_timings.ENTRIES, wanted)
                    yield purge_timings.purge(
                        entries, stage, place=place, rows=rows, is_quick=wanted.quick
                    )


def _print_profile(operation: Operation, stage: Stage) -> None:
    entry = operation.entries[1]
    child = stage.child(entry)
    child.ask("prepare", step=entry.step, count=_PROFILED)
    child.ask("send")
    child.ask("prepare", step=entry.step, count=_PROFILED)
    print(child.ask("profile"))


def _places(wanted: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Name each database product, with the URL of its server if it has one."""
    url = os.environ.get("DATABASE_URL", "")
    if wanted.database != "postgresql":
        yield "SQLite", ""
    if url.startswith("postgres") and wanted.database != "sqlite":
        yield "PostgreSQL", url


def _operations(wanted: argparse.Namespace) -> Iterator[Operation]:
    for operation in OPERATIONS:
        if operation.name in wanted.operations:
            yield dataclasses.replace(operation, entries=_present(operation.entries, wanted))


def _present(entries: Iterable[Entry], wanted: argparse.Namespace) -> tuple[Entry, ...]:
    """Leave out what is not installed or not wanted."""
    without_peers = wanted.without_peers or wanted.rate_limits
    return tuple(
        entry
        for entry in entries
        if PROJECTS[entry.project].is_installed
        and not (entry.is_peer and without_peers)
        and not (entry.is_slow and wanted.quick)
    )


def _figures(
    operation: Operation, stage: Stage, wanted: argparse.Namespace, *, counts: bool
) -> dict[Entry, Figures]:
    figures = dict.fromkeys(operation.entries, Figures())
    if not wanted.instructions:
        children = {entry: stage.child(entry) for entry in operation.entries}
        figures = measure(children, rounds=_QUICK_ROUNDS if wanted.quick else _ROUNDS)
    if counts:
        counted = {
            entry: stage.counted_child(entry).count(entry.step, _BATCH_UNDER_VALGRIND)
            for entry in operation.entries
            if not entry.is_slow
        }
        for entry, count in counted.items():
            figures[entry] = dataclasses.replace(
                figures[entry],
                instructions=count,
                instruction_ratio=count / counted[operation.floor],
            )
    return figures


if __name__ == "__main__":
    sys.exit(main())
