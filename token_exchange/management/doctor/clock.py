"""Does this machine know what time it is?"""

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
    """Compare with the database's clock, which is the one that all machines can see."""
    # The table has one row at most, and may have none.
    theirs = RevocationFeed.objects.on_writer().aggregate(at=Max(Now(), default=Now()))["at"]
    difference = abs(theirs - now)
    if difference <= _TOLERATED:
        yield ok("This machine's clock and the database's agree.")
        return
    tell = error if difference > _HARMFUL else warning
    yield tell(
        f"This machine's clock is {difference.total_seconds():.0f} seconds "
        f"{'behind' if theirs > now else 'ahead of'} the database's.",
        "Let both follow a time server; timedatectl tells whether a machine does. A clock that is "
        "wrong makes tokens that others refuse, and takes those that have expired.",
    )
