"""Rows that are dead or alive when the purge comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.factories import make_tokens
from token_exchange.models import AccessToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
DEAD, LIVE = NOW - 9 * DAY, NOW + DAY


def make(*expiries: datetime) -> list[int]:
    """Make a token for each expiry, in this order; return their primary keys."""
    return [token.pk for token in make_tokens(*expiries)]


def remaining() -> list[int]:
    return list(AccessToken.objects.order_by("pk").values_list("pk", flat=True))
