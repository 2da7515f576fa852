"""What runs by itself, on a Celery worker?

Tasks take no secrets, and no result backend is needed.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from token_exchange import purging


@shared_task(name="token_exchange.tasks.purge_expired_tokens", ignore_result=True)
def purge_expired_tokens(time_budget_seconds: float = 300.0) -> int:
    """Purge expired tokens for at most ``time_budget_seconds``; return how many."""
    return purging.purge_expired_tokens(now=timezone.now(), time_budget_seconds=time_budget_seconds)
