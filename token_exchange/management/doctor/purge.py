"""Does what has expired leave the tables?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_exchange.conf import get_settings
from token_exchange.management.doctor.findings import Finding, ok, warning
from token_exchange.models import AccessToken, Revocation

_LATE: Final = timedelta(days=1)
"""How long something may wait for a purge that runs once a day."""


def examine(now: datetime) -> Iterator[Finding]:
    """Look at the oldest row of each table, which its index finds."""
    due_before = now - get_settings().token_retention - _LATE
    for rows in (AccessToken.objects.on_writer(), Revocation.objects.on_writer()):
        things = rows.model._meta.verbose_name_plural
        oldest = rows.order_by("expires_at").values_list("expires_at", flat=True).first()
        if oldest is None or oldest >= due_before:
            yield ok(f"No {things} should have been purged long ago.")
            continue
        yield warning(
            f"There are {things} that expired {oldest:%Y-%m-%d %H:%M} UTC: no purge runs, or none "
            "comes to its end.",
            "Run: python manage.py purge_expired_tokens. Then let Celery beat run "
            "token_exchange.tasks.purge_expired_tokens each hour, or cron the command.",
        )
