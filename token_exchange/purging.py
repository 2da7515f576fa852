"""How do dead tokens leave the table without anyone noticing?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connections, router, transaction
from django.db.models import Max, Min

from token_exchange.conf import get_settings
from token_exchange.models import AccessToken
from token_exchange.models.access_token import AccessTokenQuerySet

WINDOW_ROWS: Final = 1000
"""Rows that one transaction looks at: small enough to hold no lock for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeProgress:
    """How far a purge has come: through primary keys, which costs no count."""

    deleted: int
    first_pk: int
    reached_pk: int
    last_pk: int


def purge_expired_tokens(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> int:
    """Delete tokens that expired more than ``TOKEN_RETENTION`` ago; return how many.

    Goes through the table once, in windows by primary key whose lower bound moves, so that dead
    rows are not read again; each window is a transaction of its own and leaves out the rows that
    somebody else holds (on databases with SKIP LOCKED). Two purges at once, or one that is killed,
    do no harm. Stops after ``time_budget_seconds``; what is left waits for the next run.
    """
    using = router.db_for_write(AccessToken)
    tokens = AccessToken.objects.using(using)
    bounds = tokens.aggregate(first=Min("pk"), last=Max("pk"))
    if bounds["last"] is None:
        return 0
    expired_before = now - get_settings().token_retention
    stop_at = time.monotonic() + time_budget_seconds
    reached, deleted = bounds["first"] - 1, 0
    while reached < bounds["last"] and time.monotonic() < stop_at:
        upper = _window_end(tokens, after=reached, last=bounds["last"])
        window = tokens.filter(pk__gt=reached, pk__lte=upper, expires_at__lt=expired_before)
        deleted += _delete(window, using=using)
        reached = upper
        on_progress(
            PurgeProgress(
                deleted=deleted,
                first_pk=bounds["first"],
                reached_pk=reached,
                last_pk=bounds["last"],
            )
        )
    return deleted


def _window_end(tokens: AccessTokenQuerySet, *, after: int, last: int) -> int:
    """Return the last primary key of the next window, by the index alone."""
    following = (
        tokens.filter(pk__gt=after, pk__lte=last).order_by("pk").values_list("pk", flat=True)
    )
    return next(iter(following[WINDOW_ROWS - 1 : WINDOW_ROWS]), last)


def _delete(window: AccessTokenQuerySet, *, using: str) -> int:
    with transaction.atomic(using=using):
        if connections[using].features.has_select_for_update_skip_locked:
            free = window.select_for_update(skip_locked=True).values_list("pk", flat=True)
            window = window.model.objects.using(using).filter(pk__in=list(free))
        # Elsewhere one DELETE: SQLite fails a transaction that reads before it writes.
        # No collector: nothing refers to a token, and receivers of delete signals are not asked.
        # Where no row is left there is no statement, and None instead of a count.
        return window._raw_delete(using) or 0  # noqa: SLF001
