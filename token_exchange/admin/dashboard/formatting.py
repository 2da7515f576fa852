"""The dashboard's numbers and times as text in the current language and time zone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from token_exchange.admin.dashboard import queries
from token_exchange.admin.dashboard.queries import Hour, OutcomeCounts
from token_exchange.admin.dashboard.refusal_reasons import describe_reason

_HOURS_OF_A_DAY: Final = 24


class HourRow(NamedTuple):
    """The table row of an hour."""

    starts: str
    total: str
    succeeded: str
    refused: str
    rate: str


def hour_row(hour: Hour) -> HourRow:
    """Return the table row of an hour."""
    counts = hour.counts
    return HourRow(
        time_text(hour.starts_at),
        number(counts.total),
        number(counts.succeeded),
        number(counts.refused),
        percentage(counts),
    )


def number(value: int) -> str:
    """Return a number with the separators of the current language."""
    return str(number_format(value, use_l10n=True, force_grouping=True))


def percentage(counts: OutcomeCounts) -> str:
    """Return the success rate, rounded down so that only full success is 100 %."""
    if counts.rate is None:
        return "-"
    tenths = math.floor(counts.rate * 1000)
    decimals = 0 if counts.refused == 0 else 1
    return f"{number_format(tenths / 10, decimals, use_l10n=True)} %"


def bounded_tokens(count: int) -> str:
    """Return a number of tokens as text, "more than" the limit beyond it."""
    if count > queries.TOKEN_LIMIT:
        return _("more than %(limit)s") % {"limit": number(queries.TOKEN_LIMIT)}
    return number(count)


def time_text(at: datetime) -> str:
    """Return a time to the minute, in the current time zone."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def ticks(hours: Sequence[Hour]) -> list[str]:
    """Return the labels below a chart, at equal distances from its left edge."""
    if len(hours) > _HOURS_OF_A_DAY:
        shown, style = hours[::_HOURS_OF_A_DAY], "D j"
    else:
        shown, style = hours[::6], "TIME_FORMAT"
    return [date_format(timezone.localtime(each.starts_at), style) for each in shown]


def reason_rows(reasons: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """Return the reasons with description, log code and count, the most frequent first."""
    most = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [(describe_reason(reason), reason, number(count)) for reason, count in most]
