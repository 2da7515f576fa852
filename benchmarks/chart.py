"""SVG chart of the times.

It is readable on light and dark backgrounds, and contains the same figures as text for people who
cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 760
_LABEL = 210
_BAR = 440
_ROW = 24
_HEADING = 44
_MARGIN = 16
_TOP = 64
_MOST = 8.0
"""Ratios beyond it run out of the picture, and say so."""

_ROLE = 'role="img" aria-labelledby="title description"'
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 18px; font-weight: 600 }
  .operation { font-weight: 600 }
  .quiet { fill: #59636e }
  .axis { stroke: #59636e; stroke-dasharray: 2 3 }
  .floor { fill: #8c959f } .ours { fill: #0969da } .peer { fill: #bc8c5a }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .axis { stroke: #9198a1 }
    .floor { fill: #6e7681 } .ours { fill: #4493f8 } .peer { fill: #a5753f }
  }
"""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One subject."""

    label: str
    kind: str
    """``floor``, ``ours`` or ``peer``."""
    ratio: float
    """Of its time to the floor's."""
    floor: str = ""
    """The time itself, if this is the floor."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One operation."""

    title: str
    bars: tuple[Bar, ...]


def draw(panels: Sequence[Panel], *, subtitle: str, description: str) -> str:
    """Return an SVG of the panels, with ``description`` for those who do not see it."""
    drawn, y = [], _TOP
    for panel in panels:
        drawn += list(_panel(panel, y))
        y += _HEADING + _ROW * len(panel.bars)
    title = "Time of each operation, in multiples of the least that it could take"
    size = f'viewBox="0 0 {_WIDTH} {y + _MARGIN}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_ROLE}>',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>{_STYLE}</style>",
            _text(_MARGIN, 28, title, "title"),
            _text(_MARGIN, 50, subtitle, "quiet"),
            *drawn,
            "</svg>",
            "",
        ]
    )


def _panel(panel: Panel, top: int) -> Iterator[str]:
    yield _text(_MARGIN, top + 24, panel.title, "operation")
    for number, bar in enumerate(panel.bars):
        yield from _row(bar, top + 34 + number * _ROW)
    at = _x(1)
    bottom = top + 34 + len(panel.bars) * _ROW
    yield f'<line class="axis" x1="{at}" x2="{at}" y1="{top + 30}" y2="{bottom}"/>'


def _row(bar: Bar, top: int) -> Iterator[str]:
    end = _x(min(bar.ratio, _MOST))
    bottom = top + _ROW - 6
    # A bar that runs out of the picture ends in a point.
    point = f" L {end + 8} {(top + bottom) / 2}" if bar.ratio > _MOST else ""
    yield _text(_MARGIN, top + 14, bar.label, "" if bar.kind == "ours" else "quiet")
    yield (
        f'<path class="{bar.kind}" d="M {_x(0)} {top} L {end} {top}{point} L {end} {bottom} '
        f'L {_x(0)} {bottom} Z"/>'
    )
    value = f"{bar.ratio:,.0f} ×" if bar.ratio > _MOST else f"{bar.ratio:,.2f} ×"
    yield _text(round(max(end, _x(1))) + 14, top + 14, bar.floor or value, "")


def _x(ratio: float) -> float:
    return round(_LABEL + ratio * _BAR / _MOST, 1)


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'
