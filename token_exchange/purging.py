"""How do dead rows leave their tables without anyone noticing?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connections, transaction
from django.db.models import Max, Min, QuerySet

from token_exchange.conf import get_settings
from token_exchange.models import AccessToken, Revocation

WINDOW_ROWS: Final = 1000
"""Rows that the first transaction looks at; how long it takes decides about the next."""

LARGEST_WINDOW_ROWS: Final = 5000

WINDOW_SECONDS: Final = 0.02
"""A window that takes longer is followed by a smaller one, one of less than half by a larger."""

LIVE_ROWS_IN_A_ROW: Final = 1_000_000
"""After so many rows that are hardly ever dead, the others are looked up by their expiry."""

_DEAD_ENOUGH: Final = 0.01
_LOCK_TIMEOUT: Final = "20ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeProgress:
    """How far a purge has come: through primary keys, which costs no count."""

    deleted: int
    first_pk: int
    reached_pk: int
    last_pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many rows a purge has deleted."""

    tokens: int
    revocations: int


def purge_expired(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> Purged:
    """Delete expired revocations, which are few, and then expired tokens; return how many.

    Stops after ``time_budget_seconds``; what is left waits for the next run. Progress is that of
    the tokens.
    """
    stop_at = time.monotonic() + time_budget_seconds
    revocations = purge_expired_revocations(now=now, time_budget_seconds=time_budget_seconds)
    tokens = purge_expired_tokens(
        now=now, time_budget_seconds=stop_at - time.monotonic(), on_progress=on_progress
    )
    return Purged(tokens=tokens, revocations=revocations)


def purge_expired_tokens(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> int:
    """Delete tokens that expired more than ``TOKEN_RETENTION`` ago; return how many.

    Goes through the table once, in windows by primary key whose lower bound moves, so that dead
    rows are not read again; each window is a short transaction of its own and leaves out the rows
    that somebody else holds (on databases with SKIP LOCKED). After very many live rows, the dead
    ones behind them are found by the index on their expiry. Two purges at once, or one that is
    killed, do no harm. Stops after ``time_budget_seconds``.
    """
    tokens = AccessToken.objects.on_writer()
    dead = tokens.filter(expires_at__lt=now - get_settings().token_retention)
    return _purge(dead, time_budget_seconds, on_progress)


def purge_expired_revocations(*, now: datetime, time_budget_seconds: float = float("inf")) -> int:
    """Delete revocations whose last token is dead, in the manner of tokens; return how many."""
    dead = Revocation.objects.on_writer().filter(expires_at__lt=now)
    return _purge(dead, time_budget_seconds, lambda progress: None)


def _purge(
    dead: QuerySet[Any], budget_seconds: float, on_progress: Callable[[PurgeProgress], None]
) -> int:
    stop_at = time.monotonic() + budget_seconds
    bounds = _rows(dead).aggregate(first=Min("pk"), last=Max("pk"))
    if bounds["last"] is None:
        return 0
    deleted = 0
    for reached, count in _by_key(dead, stop_at=stop_at, **bounds):
        deleted += count
        on_progress(
            PurgeProgress(
                deleted=deleted,
                first_pk=bounds["first"],
                reached_pk=reached,
                last_pk=bounds["last"],
            )
        )
    return deleted


def _rows(dead: QuerySet[Any]) -> QuerySet[Any]:
    rows: QuerySet[Any] = dead.model._default_manager.using(dead.db)
    return rows


def _by_key(
    dead: QuerySet[Any], *, first: int, last: int, stop_at: float
) -> Iterator[tuple[int, int]]:
    """Delete in windows by primary key; yield after each the key reached and how many it were."""
    reached, rows, live_in_a_row = first - 1, WINDOW_ROWS, 0
    while reached < last and (began_at := time.monotonic()) < stop_at:
        if live_in_a_row >= LIVE_ROWS_IN_A_ROW:
            for count in _by_expiry(dead, stop_at=stop_at):
                yield reached, count
            if time.monotonic() < stop_at:
                yield last, 0
            return
        upper = min(reached + rows, last)
        count = _delete(dead.filter(pk__gt=reached, pk__lte=upper))
        live_in_a_row = 0 if count > rows * _DEAD_ENOUGH else live_in_a_row + rows
        rows = _next_size(rows, seconds=time.monotonic() - began_at)
        reached = upper if count else _before_next(dead, after=upper, last=last)
        yield reached, count


def _next_size(rows: int, *, seconds: float) -> int:
    if seconds > WINDOW_SECONDS:
        return max(rows // 2, 1)
    return min(rows * 2, LARGEST_WINDOW_ROWS) if seconds < WINDOW_SECONDS / 2 else rows


def _before_next(dead: QuerySet[Any], *, after: int, last: int) -> int:
    """Return the end of the gap that may follow: a table can have few rows and huge keys."""
    following = _rows(dead).filter(pk__gt=after, pk__lte=last).order_by("pk")
    return next((pk - 1 for pk in following.values_list("pk", flat=True)[:1]), last)


def _by_expiry(dead: QuerySet[Any], *, stop_at: float) -> Iterator[int]:
    """Delete what expired first, then what did later; yield each time how many it were.

    No live row is read, but the dead lie scattered: where they are many, by key is faster.
    """
    left, reached = dead, None
    while time.monotonic() < stop_at:
        oldest = left.order_by("expires_at").values_list("pk", "expires_at")
        found = list(oldest[:WINDOW_ROWS])
        count = _delete(dead.filter(pk__in=sorted(pk for pk, _ in found)))
        yield count
        if len(found) < WINDOW_ROWS or (not count and found[-1][1] == reached):
            return  # the last ones, or all held by others
        # Dead rows, and those that others hold, are not read again.
        reached = found[-1][1]
        left = dead.filter(expires_at__gte=reached)


def _delete(dead: QuerySet[Any]) -> int:
    """Delete in one short transaction what nobody else holds; return how many."""
    connection = connections[dead.db]
    if connection.vendor == "postgresql":
        # To lock rows first costs as much again as to delete them, and hardly ever does somebody
        # hold one. Any other error will come again.
        with suppress(OperationalError), transaction.atomic(using=dead.db):
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            return _delete_at_once(dead)
    with transaction.atomic(using=dead.db):
        if connection.features.has_select_for_update_skip_locked:
            free = dead.select_for_update(skip_locked=True).values_list("pk", flat=True)
            dead = _rows(dead).filter(pk__in=list(free))
        # Elsewhere one DELETE: SQLite fails a transaction that reads before it writes.
        return _delete_at_once(dead)


def _delete_at_once(dead: QuerySet[Any]) -> int:
    # No collector: nothing refers to these rows, and receivers of delete signals are not asked.
    # Where no row is left there is no statement, and None instead of a count.
    return dead._raw_delete(dead.db) or 0  # noqa: SLF001
