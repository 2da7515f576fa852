"""Creates expired and live rows for the purge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.factories import make_tokens
from token_exchange.models import AccessToken, AuditEvent, HourlyCount

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
DEAD, LIVE = NOW - 9 * DAY, NOW + DAY


def make(*expiries: datetime) -> list[int]:
    """Create a token for each expiry, in this order; return their primary keys."""
    return [token.pk for token in make_tokens(*expiries)]


def make_events(*times: datetime, **values: object) -> list[AuditEvent]:
    """Create an audit event for each time, in this order."""
    return AuditEvent.objects.bulk_create(
        AuditEvent(occurred_at=each, event="token.revoked", target="x", **values) for each in times
    )


def make_counts(*hours: datetime) -> list[HourlyCount]:
    """Create a count for each hour, in this order, each for another credential."""
    return HourlyCount.objects.bulk_create(
        HourlyCount(hour=each, identifier=f"{number}", outcome="success", count=1)
        for number, each in enumerate(hours)
    )


def remaining() -> list[int]:
    return list(AccessToken.objects.order_by("pk").values_list("pk", flat=True))
