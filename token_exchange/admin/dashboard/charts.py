"""The coordinates of the dashboard's charts.

The server renders the charts as SVG with coordinates in attributes and colours in classes, so a
content security policy needs to allow neither scripts nor styles. The image is stretched to the
width of the page, so its labels are text outside it. A table under each chart has the same numbers.
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
    """The exchanges of an hour: the refused ones are stacked on those that succeeded."""

    hour: Hour
    x: int
    succeeded_y: str
    succeeded_height: str
    refused_y: str
    refused_height: str


class BarChart(NamedTuple):
    """The number of exchanges in each hour."""

    width: int
    bar_width: int
    top: int
    """The value at the upper edge."""
    bars: list[Bar]


class RateChart(NamedTuple):
    """The success rate of each hour."""

    width: int
    path: str


def bar_chart(hours: Sequence[Hour]) -> BarChart:
    """Return a bar for each hour, scaled to a round number that no bar exceeds."""
    top = round_up(max(each.counts.total for each in hours))
    bars = []
    for place, each in enumerate(hours):
        succeeded = _HEIGHT * each.counts.succeeded / top
        refused = _HEIGHT * each.counts.refused / top
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
    """Return a step line with gaps for the hours without exchanges."""
    parts = []
    is_drawing = False
    for place, each in enumerate(hours):
        rate = each.counts.rate
        if rate is None:
            is_drawing = False
            continue
        y = _number(_HEIGHT * (1 - rate))
        parts.append(f"V{y}" if is_drawing else f"M{place * STEP} {y}")
        parts.append(f"h{STEP}")
        is_drawing = True
    return RateChart(len(hours) * STEP, "".join(parts))


def round_up(number: int) -> int:
    """Return the next number of the form 1, 2 or 5 times a power of ten."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= number:
                return digit * power
        power *= 10


def _number(value: float) -> str:
    # Not localized, because in SVG a comma separates numbers.
    return f"{value:.2f}"
