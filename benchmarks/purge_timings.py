"""Time and memory of purging a table in which most tokens have expired.

Each purge has a newly filled database: what one leaves behind would slow down the next.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from chart import Bar, Panel
from exchange_latency import exchange_beside
from plan import Entry
from stage import Stage
from table import Table, number, verdict

_TITLE = "Purge {rows:,} expired tokens among {live:,} live ones"
_HEADINGS = ("", "seconds", "× floor", "bar", "longest transaction, ms", "memory, + MiB")
_RUNS = 3
_MANY_ROWS = 500_000
_BAR = 1.5
_LIVE = 1_000  # and as many credentials
_MIN_EXCHANGES = 400

ENTRIES = (
    Entry(title="raw batches", project="ours", step="by hand"),
    Entry(title="token_exchange", project="ours", step="purge", bar_time=_BAR),
    Entry(title="oauth-toolkit", project="toolkit", step="purge", is_slow=True),
    Entry(title="simplejwt", project="simplejwt", step="purge", is_slow=True),
)


@dataclass(frozen=True, kw_only=True)
class Purge:
    """What a purge took."""

    seconds: float
    longest_transaction: float
    """Seconds."""
    memory: int
    """Bytes that it had more than before, at most."""
    deleted: int


class WrongTokensPurged(Exception):
    """A purge left dead tokens, or took living ones."""


@dataclass(frozen=True, kw_only=True)
class PurgeSection:
    """The figures of the purges; the first is the floor."""

    place: str
    rows: int
    purges: dict[Entry, Purge]
    note: str = ""

    @property
    def _title(self) -> str:
        return _TITLE.format(rows=self.rows, live=self.rows // 10)

    def _ratio(self, purge: Purge) -> float:
        return purge.seconds / next(iter(self.purges.values())).seconds

    def table(self) -> Table:
        """Return all figures."""
        return Table(
            title=f"{self._title}: {self.place}",
            headings=_HEADINGS,
            rows=[
                (
                    entry.title,
                    number(purge.seconds, ",.2f"),
                    number(self._ratio(purge), ".2f"),
                    verdict(self._ratio(purge), entry.bar_time),
                    number(purge.longest_transaction * 1e3, ",.0f"),
                    number(purge.memory / 2**20, ",.1f"),
                )
                for entry, purge in self.purges.items()
            ],
            note=self.note,
        )

    def panel(self) -> Panel:
        """Return the times as multiples of the floor's."""
        floor = next(iter(self.purges))
        return Panel(
            title=self._title,
            bars=tuple(
                Bar(
                    label=entry.title,
                    kind="floor" if entry is floor else entry.kind,
                    ratio=self._ratio(purge),
                    floor=f"{purge.seconds:,.1f} s" if entry is floor else "",
                )
                for entry, purge in self.purges.items()
            ),
        )


def purge(
    entries: Sequence[Entry], stage: Stage, *, place: str, rows: int, is_quick: bool = False
) -> PurgeSection:
    """Purge ``rows`` expired tokens, in turns where they are few, and watch exchanges meanwhile."""
    runs = 1 if is_quick or rows > _MANY_ROWS else _RUNS
    taken: dict[Entry, list[Purge]] = {entry: [] for entry in entries}
    for _ in range(runs):
        for entry in entries:
            with stage.new_child(entry, rows=_LIVE, expired=rows) as child:
                taken[entry].append(_checked(child.ask("purge", purge=entry.step), rows))
    return PurgeSection(
        place=place,
        rows=rows,
        purges={entry: _middle(purges) for entry, purges in taken.items()},
        note="" if is_quick else _exchanges_meanwhile(stage, rows),
    )


def _checked(answer: dict[str, float], rows: int) -> Purge:
    purge = Purge(**answer)  # type: ignore[arg-type]
    if purge.deleted != rows:
        raise WrongTokensPurged(f"{purge.deleted:,} of {rows:,}")
    return purge


def _middle(purges: Sequence[Purge]) -> Purge:
    middle = statistics.median_low(purge.seconds for purge in purges)
    return next(purge for purge in purges if purge.seconds == middle)


def _exchanges_meanwhile(stage: Stage, rows: int) -> str:
    """Return how long exchanges take before and during a purge."""
    entry = Entry(title="token_exchange", project="ours", step="exchange")
    with (
        stage.new_child(entry, rows=_LIVE, expired=rows) as purging,
        purging.another() as exchanging,
    ):
        beside = exchange_beside(purging, exchanging, before=_MIN_EXCHANGES)
    if len(beside.during) < _MIN_EXCHANGES:
        return "The purge ended before enough exchanges were made to see what it does to them."
    return f"{beside.p99}."
