"""Tables as text and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as they are shown; the first column is words, the others numbers."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""

    def __str__(self) -> str:
        rows = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [self.title]
        for first, *others in rows:
            cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])

    def as_markdown(self) -> str:
        """Return the same table in Markdown."""
        lines = [f"### {self.title}", "", _cells(self.headings)]
        lines.append("|---|" + "---:|" * (len(self.headings) - 1))
        lines += map(_cells, self.rows)
        return "\n".join([*lines, *(["", self.note] if self.note else []), ""])


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def number(value: float | None, form: str) -> str:
    """Return a number as the format has it, and a dash for what was not measured."""
    return "–" if value is None else format(value, form)


def verdict(ratio: float | None, bar: float | None) -> str:
    """Return a bar, and whether it was met where that was measured."""
    if bar is None:
        return ""
    if ratio is None:
        return f"≤ {bar:.2f}"
    return f"≤ {bar:.2f} {'met' if ratio <= bar else 'missed'}"
