"""Examination of this machine's clock, compared with the database's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max
from django.db.models.functions import Now

from token_exchange.management.doctor.findings import Finding, error, ok, warning
from token_exchange.models import RevocationFeed

_TOLERATED: Final = timedelta(seconds=5)
_HARMFUL: Final = timedelta(minutes=1)


def examine(now: datetime) -> Iterator[Finding]:
    """Compare with the database's clock, the only one that all machines share."""
    # The default, because the table has one row or none.
    database_now = RevocationFeed.objects.on_writer().aggregate(at=Max(Now(), default=Now()))["at"]
    difference = abs(database_now - now)
    if difference <= _TOLERATED:
        yield ok("This machine's clock and the database's agree.")
        return
    level = error if difference > _HARMFUL else warning
    yield level(
        f"This machine's clock is {difference.total_seconds():.0f} seconds "
        f"{'behind' if database_now > now else 'ahead of'} the database's.",
        "Synchronize both machines with a time server (timedatectl shows whether one is in use). "
        "With a wrong clock, this machine issues tokens that others refuse, and accepts expired "
        "ones.",
    )
