"""Where do the bars and the lines of a chart stand?

Charts are SVG that the server draws: coordinates are attributes and colours classes, so that no
content security policy has to allow a script or a style. The picture is stretched to the width of
the page, its words stand beside it as text. Under each chart stands a table with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from token_exchange.admin.dashboard.queries import Hour

STEP: Final = 10
"""Units between one hour and the next; the height is 100."""

_HEIGHT: Final = 100
_GAP: Final = 1


class Bar(NamedTuple):
    """The exchanges of an hour: what was refused stands on what succeeded."""

    hour: Hour
    x: int
    succeeded_y: str
    succeeded_height: str
    refused_y: str
    refused_height: str


class BarChart(NamedTuple):
    """How many exchanges each hour had."""

    width: int
    bar_width: int
    top: int
    """What the upper edge stands for."""
    bars: list[Bar]


class RateChart(NamedTuple):
    """Which part of each hour's exchanges succeeded."""

    width: int
    path: str


def bar_chart(hours: Sequence[Hour]) -> BarChart:
    """Draw a bar for each hour, under a round number that none is over."""
    top = round_up(max(each.tally.total for each in hours))
    bars = []
    for place, each in enumerate(hours):
        succeeded = _HEIGHT * each.tally.succeeded / top
        refused = _HEIGHT * each.tally.refused / top
        bars.append(
            Bar(
                hour=each,
                x=place * STEP + _GAP,
                succeeded_y=_number(_HEIGHT - succeeded),
                succeeded_height=_number(succeeded),
                refused_y=_number(_HEIGHT - succeeded - refused),
                refused_height=_number(refused),
            )
        )
    return BarChart(len(hours) * STEP, STEP - 2 * _GAP, top, bars)


def rate_chart(hours: Sequence[Hour]) -> RateChart:
    """Draw a line of steps; hours without exchanges are gaps in it."""
    parts = []
    is_drawing = False
    for place, each in enumerate(hours):
        rate = each.tally.rate
        if rate is None:
            is_drawing = False
            continue
        y = _number(_HEIGHT * (1 - rate))
        parts.append(f"V{y}" if is_drawing else f"M{place * STEP} {y}")
        parts.append(f"h{STEP}")
        is_drawing = True
    return RateChart(len(hours) * STEP, "".join(parts))


def round_up(number: int) -> int:
    """Return the next number with one digit that is 1, 2 or 5, and then zeros."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= number:
                return digit * power
        power *= 10


def _number(value: float) -> str:
    # Never as the reader's language writes it: to SVG a comma is another number's beginning.
    return f"{value:.2f}"
