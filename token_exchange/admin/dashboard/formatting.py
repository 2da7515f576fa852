"""How are the figures of the dashboard written for the one who reads them?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from token_exchange.admin.dashboard import queries
from token_exchange.admin.dashboard.queries import Hour, Tally
from token_exchange.admin.dashboard.refusal_reasons import reason_in_words

_HOURS_OF_A_DAY: Final = 24


class HourRow(NamedTuple):
    """An hour in a table."""

    begins: str
    total: str
    succeeded: str
    refused: str
    rate: str


def hour_row(hour: Hour) -> HourRow:
    """Return the line of a table for an hour."""
    tally = hour.tally
    return HourRow(
        moment_of(hour.begins_at),
        number(tally.total),
        number(tally.succeeded),
        number(tally.refused),
        percentage(tally),
    )


def number(value: int) -> str:
    """Write a number with the separators of the reader's language."""
    return str(number_format(value, use_l10n=True, force_grouping=True))


def percentage(tally: Tally) -> str:
    """Write which part succeeded, rounded down: all is all."""
    if tally.rate is None:
        return "-"
    tenths = math.floor(tally.rate * 1000)
    decimals = 0 if tally.refused == 0 else 1
    return f"{number_format(tenths / 10, decimals, use_l10n=True)} %"


def bounded_tokens(count: int) -> str:
    """Write a number of tokens that was counted no further than to the limit."""
    if count > queries.TOKEN_LIMIT:
        return _("more than %(limit)s") % {"limit": number(queries.TOKEN_LIMIT)}
    return number(count)


def moment_of(at: datetime) -> str:
    """Write when an hour begins, in the reader's zone."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def ticks(hours: Sequence[Hour]) -> list[str]:
    """Return the words below a chart, at equal distances from its left edge on."""
    if len(hours) > _HOURS_OF_A_DAY:
        shown, style = hours[::_HOURS_OF_A_DAY], "D j"
    else:
        shown, style = hours[::6], "TIME_FORMAT"
    return [date_format(timezone.localtime(each.begins_at), style) for each in shown]


def reason_rows(reasons: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """Return the most frequent reasons: in words, as the log has them, and how often."""
    most = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [(reason_in_words(reason), reason, number(count)) for reason, count in most]
