"""Purge of a big table: beside exchanges, killed half-way, and two at once.

Needs PostgreSQL in DATABASE_URL. Commits wait for the disk here, because a purge's load on the disk
would not show otherwise. Creates databases whose names start with the one there, and drops them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import django
from children import HERE, Child
from databases import postgresql
from django.conf import settings
from exchange_latency import exchange_beside
from subjects.projects import Surroundings, settings_of
from table import Table

_LIVES = "now() + interval '1 hour'"
_DIED = "now() - interval '2 days' - interval '1 second' * "
LAYOUTS = {
    "scattered": f"CASE WHEN n.i %% 11 = 0 THEN {_LIVES} ELSE {_DIED} random() * 1e6 END",
    "one expiry": f"CASE WHEN n.i %% 11 = 0 THEN {_LIVES} ELSE {_DIED} 0 END",
    "dead first": f"CASE WHEN n.i > {{dead}} THEN {_LIVES} ELSE {_DIED} ({{dead}} - n.i) END",
    "live first": f"CASE WHEN n.i <= {{live}} THEN {_LIVES} ELSE {_DIED} (1e7 - n.i) END",
}
_HEADINGS = ("", "seconds", "× by hand", "longest transaction, ms", "memory, + MiB")
_JTI = "x"  # and zeros after it, which an exchange draws almost never
_MIN_EXCHANGES = 1000


class Ground:
    """A database with ``dead`` tokens among ``live`` ones, filled anew for each purge."""

    def __init__(self, database: dict[str, Any], *, dead: int, live: int) -> None:
        database["OPTIONS"] = {}
        cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        self._surroundings = Surroundings(database=database, cache=cache)
        self.dead, self.live = dead, live
        self._state: dict[str, Any] = {}
        with self.child() as child:
            self._state = child.ask("fill", rows=1, expired=0)
        settings.configure(**settings_of("ours", self._surroundings))
        django.setup()
        from subjects.ours import TOKENS

        self.tokens = TOKENS.objects
        self._first = self.tokens.earliest("pk")

    def child(self) -> Child:
        """Start a process on this database."""
        return Child("ours", self._surroundings, self._state)

    def fill(self, layout: str) -> None:
        """Begin with this layout, on a disk that has nothing left to write."""
        from subjects.table_rows import numbered, settle

        from tests.support.bulk_rows import multiply, run

        run(f"TRUNCATE {self.tokens.model._meta.db_table}")
        self.tokens.bulk_create([self._first])
        expiry = LAYOUTS[layout].format(dead=self.dead, live=self.live)
        changes = {"jti": numbered(_JTI, 22), "expires_at": expiry}
        multiply(self._first, self.dead + self.live, changes)
        self.tokens.filter(pk=self._first.pk).delete()
        settle()
        run("CHECKPOINT")

    def dead_left(self) -> int:
        """Count the dead."""
        from django.utils import timezone

        return self.tokens.filter(expires_at__lt=timezone.now() - timedelta(days=1)).count()

    def check(self) -> None:
        """Raise where a dead token was left, or a live one taken; exchanges may have added some."""
        lives = self.tokens.filter(jti__startswith=_JTI + "000").count()
        assert (self.dead_left(), lives) == (0, self.live), (self.dead_left(), lives)


def compare(ground: Ground, layout: str, *, pairs: int) -> Table:
    """Purge by hand and by command in turns, each from the beginning."""
    taken: dict[str, list[dict[str, float]]] = {"by hand": [], "purge": []}
    for _ in range(pairs):
        for step, answers in taken.items():
            ground.fill(layout)
            with ground.child() as child:
                answers.append(child.ask("purge", purge=step))
            ground.check()
    floor = statistics.median(answer["seconds"] for answer in taken["by hand"])
    rows = []
    for step, answers in taken.items():
        seconds = statistics.median(answer["seconds"] for answer in answers)
        longest = max(answer["longest_transaction"] for answer in answers)
        memory = max(answer["memory"] for answer in answers)
        figures = (seconds, seconds / floor, longest * 1e3, memory / 2**20)
        rows.append((step, *(f"{figure:,.2f}" for figure in figures)))
    return Table(title=f"Purge: {layout}", headings=_HEADINGS, rows=rows)


def beside_exchanges(ground: Ground, layout: str) -> str:
    """Return how long exchanges take before and during a purge."""
    ground.fill(layout)
    with ground.child() as exchanging, ground.child() as purging:
        beside = exchange_beside(purging, exchanging, before=_MIN_EXCHANGES)
    ground.check()
    longest = beside.purge["longest_transaction"] * 1e3
    return f"{beside.p99}, whose longest transaction took {longest:,.0f} ms"


def killed_and_twice(ground: Ground, layout: str) -> str:
    """Kill a purge, then run two at once; return how that went."""
    ground.fill(layout)
    with contextlib.ExitStack() as stack:
        killed, *both = (stack.enter_context(ground.child()) for _ in range(3))
        killed.tell("purge", purge="purge")
        while ground.dead_left() > ground.dead * 0.6:
            pass
        os.kill(killed.pid, signal.SIGKILL)
        left = ground.dead_left()
        start = time.perf_counter()
        for child in both:
            child.tell("purge", purge="purge")
        longest = max(child.hear()["longest_transaction"] for child in both) * 1e3
        seconds = time.perf_counter() - start
    ground.check()
    return (
        f"killed with {left:,} left, two at once took {seconds:,.1f} s for them, longest "
        f"transaction {longest:,.0f} ms; every live token is there, no dead one"
    )


def _report(ground: Ground, layouts: Sequence[str], *, pairs: int) -> Iterator[object]:
    for layout in layouts:
        yield compare(ground, layout, pairs=pairs)
    for layout in layouts:
        yield f"{layout}: {beside_exchanges(ground, layout)}"
        yield f"{layout}: {killed_and_twice(ground, layout)}"


def main() -> None:
    """Measure, and print each result at once."""
    sys.path.append(str(HERE.parent))  # for tests.support
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT", help=f"of {', '.join(LAYOUTS)}")
    parser.add_argument("--dead", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3)
    wanted = parser.parse_args()
    with postgresql(os.environ["DATABASE_URL"]) as make:
        ground = Ground(make("purge"), dead=wanted.dead, live=wanted.live)
        for part in _report(ground, wanted.layouts or list(LAYOUTS), pairs=wanted.pairs):
            print(part, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
