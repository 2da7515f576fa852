"""Examination of the scheduled jobs: rows that a purge or a notification run should have handled.

Each job should run at least once a day, so what has waited for more than a day is overdue.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_exchange.conf import get_settings
from token_exchange.management.doctor.findings import Finding, ok, warning
from token_exchange.models import AccessToken, Credential, Revocation
from token_exchange.observability.notifications import due

_GRACE: Final = timedelta(days=1)
_NO_RUN: Final = "The job does not run, or never completes."


def examine(now: datetime) -> Iterator[Finding]:
    """Look up the oldest row that each job should have handled; indexes find all of them."""
    yield from _purge(due_before=now - get_settings().token_retention - _GRACE)
    yield from _notifications(due_before=now - _GRACE)


def _purge(*, due_before: datetime) -> Iterator[Finding]:
    for rows in (AccessToken.objects.on_writer(), Revocation.objects.on_writer()):
        things = rows.model._meta.verbose_name_plural
        oldest = rows.order_by("expires_at").values_list("expires_at", flat=True).first()
        if oldest is None or oldest >= due_before:
            yield ok(f"No {things} are overdue for the purge.")
            continue
        yield warning(
            f"There are {things} that expired on {oldest:%Y-%m-%d %H:%M} UTC and were not purged. "
            f"{_NO_RUN}",
            "Run: python manage.py purge_expired_tokens. Then schedule it hourly: with Celery beat "
            "(token_exchange.tasks.purge_expired_tokens), or the command with cron.",
        )


def _notifications(*, due_before: datetime) -> Iterator[Finding]:
    expiring = due.expiring("expiry_warned_at", now=due_before)
    yield _notification("expiry", next(expiring, None))
    rotated = due.with_previous_secret_in_use("previous_secret_warned_at", now=due_before)
    yield _notification("previous secret in use", next(rotated, None))


def _notification(about: str, late: Credential | None) -> Finding:
    if late is None:
        return ok(f"No notification is overdue ({about}).")
    return warning(
        f"{late.identifier}: its notification ({about}) is more than a day overdue. {_NO_RUN}",
        "Run: python manage.py warn_of_expiring_credentials. Then schedule it hourly: with Celery "
        "beat (token_exchange.tasks.warn_of_expiring_credentials), or the command with cron. "
        "After a recent change of an expiry there is nothing to do: the next run handles it.",
    )
