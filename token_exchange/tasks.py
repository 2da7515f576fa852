"""Celery tasks for a schedule: purge, signing key rotation and notifications.

Their arguments contain no secrets, and they need no result backend.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from token_exchange.issuer import purging, signing_keys
from token_exchange.observability import notifications
from token_exchange.observability.audit import Act


@shared_task(name="token_exchange.tasks.purge_expired_tokens", ignore_result=True)
def purge_expired_tokens(time_budget_seconds: float = 300.0) -> int:
    """Delete expired rows for at most ``time_budget_seconds``; return the number of tokens.

    Schedule it hourly. Running it more often, or twice at the same time, does no harm.
    """
    now = timezone.now()
    return purging.purge_expired(now=now, time_budget_seconds=time_budget_seconds).tokens


@shared_task(name="token_exchange.tasks.rotate_signing_keys", ignore_result=True)
def rotate_signing_keys() -> str | None:
    """Publish the next signing key if it is due, and return its ID; erase old private keys.

    Schedule it daily. Running it more often, or twice at the same time, does no harm.
    """
    published = signing_keys.tend_signing_keys(act=Act(origin="task"))
    return None if published is None else published.kid


@shared_task(name="token_exchange.tasks.warn_of_expiring_credentials", ignore_result=True)
def warn_of_expiring_credentials(time_budget_seconds: float = 300.0) -> int:
    """Send due notifications for at most ``time_budget_seconds``; return their number.

    Schedule it hourly. Running it more often, or twice at the same time, does no harm.
    """
    warned = notifications.warn(now=timezone.now(), time_budget_seconds=time_budget_seconds)
    return warned.expiring + warned.previous_secrets
