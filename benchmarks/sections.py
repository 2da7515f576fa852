"""Figures of one operation on one database, as a table and as a panel of the chart."""

from __future__ import annotations

from dataclasses import dataclass

from chart import Bar, Panel
from plan import Entry, Operation
from table import Table, number, verdict
from timings import Figures

_HEADINGS = ("", "queries", "µs", "× floor", "bar", "instructions", "× floor", "bar")


@dataclass(frozen=True, kw_only=True)
class Section:
    """The figures of one operation."""

    operation: Operation
    place: str
    """The database and its rows."""
    figures: dict[Entry, Figures]
    has_server: bool
    """Whether the database is one, as it is where the bars of time are."""

    def table(self) -> Table:
        """Return all figures."""
        return Table(
            title=f"{self.operation.title}: {self.place}",
            headings=_HEADINGS,
            rows=[
                (
                    entry.title,
                    number(figures.queries, "d"),
                    _microseconds(figures),
                    number(figures.time_ratio, ".2f"),
                    verdict(figures.time_ratio, entry.bar_time if self.has_server else None),
                    number(figures.instructions, ",.0f"),
                    number(figures.instruction_ratio, ".3f"),
                    verdict(figures.instruction_ratio, entry.bar_instructions),
                )
                for entry, figures in self.figures.items()
            ],
        )

    def panel(self) -> Panel:
        """Return the times as multiples of the floor's."""
        return Panel(
            title=self.operation.title,
            bars=tuple(
                Bar(
                    label=entry.title,
                    kind=entry.kind,
                    ratio=figures.time_ratio,
                    floor=f"{_microseconds(figures)} µs" if entry == self.operation.floor else "",
                )
                for entry, figures in self.figures.items()
                if figures.time_ratio is not None
            ),
        )


def _microseconds(figures: Figures) -> str:
    return number(figures.seconds and figures.seconds * 1e6, ",.0f")
