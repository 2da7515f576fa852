"""How do the figures look as text?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from measuring import Figures
from plan import Entry, Operation

HEADINGS = ("", "queries", "µs", "× floor", "instructions", "× floor", "bar")


@dataclass(frozen=True, kw_only=True)
class Section:
    """The figures of one operation in one place."""

    operation: Operation
    place: str
    """The database and its rows."""
    figures: dict[Entry, Figures]

    @property
    def title(self) -> str:
        """What was measured where."""
        return f"{self.operation.title}: {self.place}"


def as_text(section: Section) -> str:
    """Return a table for a terminal."""
    rows = [HEADINGS, *rows_of(section)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([section.title, *(f"  {line}" for line in lines)])


def as_markdown(section: Section) -> str:
    """Return the same table in Markdown."""
    lines = [f"### {section.title}", "", _markdown(HEADINGS)]
    lines.append("|---|" + "---:|" * (len(HEADINGS) - 1))
    return "\n".join([*lines, *map(_markdown, rows_of(section)), ""])


def _markdown(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def rows_of(section: Section) -> list[tuple[str, ...]]:
    """Return the cells of each entry."""
    return [
        (
            entry.title,
            _number(figures.queries, "d"),
            _number(figures.seconds and figures.seconds * 1e6, ",.0f"),
            _number(figures.time_ratio, ".2f"),
            _number(figures.instructions, ",.0f"),
            _number(figures.instruction_ratio, ".3f"),
            _bar(entry, figures),
        )
        for entry, figures in section.figures.items()
    ]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _bar(entry: Entry, figures: Figures) -> str:
    if entry.bar_instructions is None:
        return ""
    ratio = figures.instruction_ratio
    verdict = "" if ratio is None else " met" if ratio <= entry.bar_instructions else " missed"
    return f"≤ {entry.bar_instructions:.2f}{verdict}"
