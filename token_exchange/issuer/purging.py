"""How do dead rows leave their tables without anyone noticing?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import OperationalError, connections, transaction
from django.db.models import Max, Min, Model, QuerySet

from token_exchange.conf import get_settings
from token_exchange.models import AccessToken, AuditEvent, HourlyCount, Revocation

WINDOW_ROWS: Final = 1000
"""Rows that the first transaction looks at; how long it takes decides about the next."""

LARGEST_WINDOW_ROWS: Final = 5000

WINDOW_SECONDS: Final = 0.02
"""A window that takes longer is followed by a smaller one, one of less than half by a larger."""

LIVE_ROWS_IN_A_ROW: Final = 1_000_000
"""After so many rows that are hardly ever dead, the others are looked up by their expiry."""

COUNT_RETENTION: Final = timedelta(days=15)
"""How long it is kept how many exchanges an hour had: two weeks can be compared."""

_DEAD_ENOUGH: Final = 0.01
_LOCK_TIMEOUT: Final = "20ms"


class _Time(NamedTuple):
    field: str
    """By which a row is dead; an index begins with it."""
    what: str


_TIMES: Final[Mapping[type[Model], _Time]] = {
    AccessToken: _Time("expires_at", "tokens"),
    Revocation: _Time("expires_at", "revocations"),
    AuditEvent: _Time("occurred_at", "audit events"),
    HourlyCount: _Time("hour", "hourly counts"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeProgress:
    """How far a purge of one table has come: through primary keys, which costs no count."""

    what: str = "tokens"
    deleted: int
    first_pk: int
    reached_pk: int
    last_pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many rows a purge has deleted."""

    tokens: int
    revocations: int
    audit_events: int = 0
    hourly_counts: int = 0


def purge_expired(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> Purged:
    """Delete all that is over, what is few first and expired tokens last; return how many.

    Stops after ``time_budget_seconds``; what is left waits for the next run. Progress is that of
    the audit events and of the tokens.
    """
    stop_at = time.monotonic() + time_budget_seconds

    def seconds_left() -> float:
        return stop_at - time.monotonic()

    return Purged(
        revocations=purge_expired_revocations(now=now, time_budget_seconds=seconds_left()),
        hourly_counts=purge_old_counts(now=now, time_budget_seconds=seconds_left()),
        audit_events=purge_audit_events(
            now=now, time_budget_seconds=seconds_left(), on_progress=on_progress
        ),
        tokens=purge_expired_tokens(
            now=now, time_budget_seconds=seconds_left(), on_progress=on_progress
        ),
    )


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
    return _purge(dead, time_budget_seconds)


def purge_old_counts(*, now: datetime, time_budget_seconds: float = float("inf")) -> int:
    """Delete hourly counts older than ``COUNT_RETENTION``; return how many."""
    old = HourlyCount.objects.on_writer().filter(hour__lt=now - COUNT_RETENTION)
    return _purge(old, time_budget_seconds, is_in_order=True)


def purge_audit_events(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> int:
    """Delete audit events older than ``AUDIT_RETENTION``, where there is one; return how many."""
    retention = get_settings().audit_retention
    if retention is None:
        return 0
    old = AuditEvent.objects.on_writer().filter(occurred_at__lt=now - retention)
    return _purge(old, time_budget_seconds, on_progress, is_in_order=True)


def _purge(
    dead: QuerySet[Any],
    budget_seconds: float,
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
    *,
    is_in_order: bool = False,
) -> int:
    """Delete the rows; where they are in the order of age, read none behind the youngest."""
    stop_at = time.monotonic() + budget_seconds
    bounds = _rows(dead).aggregate(first=Min("pk"), last=Max("pk"))
    first, last = bounds["first"], _youngest(dead) if is_in_order else bounds["last"]
    if last is None:
        return 0
    deleted = 0
    for reached, count in _by_key(dead, stop_at=stop_at, first=first, last=last):
        deleted += count
        on_progress(
            PurgeProgress(
                what=_TIMES[dead.model].what,
                deleted=deleted,
                first_pk=first,
                reached_pk=reached,
                last_pk=last,
            )
        )
    return deleted


def _youngest(dead: QuerySet[Any]) -> int | None:
    # One that is out of order, behind it, is the youngest that is left in a later run.
    return dead.order_by(_TIMES[dead.model].field, "pk").values_list("pk", flat=True).last()


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
    left, reached, field = dead, None, _TIMES[dead.model].field
    while time.monotonic() < stop_at:
        oldest = left.order_by(field).values_list("pk", field)
        found = list(oldest[:WINDOW_ROWS])
        count = _delete(dead.filter(pk__in=sorted(pk for pk, _ in found)))
        yield count
        if len(found) < WINDOW_ROWS or (not count and found[-1][1] == reached):
            return  # the last ones, or all held by others
        # Dead rows, and those that others hold, are not read again.
        reached = found[-1][1]
        left = dead.filter(**{f"{field}__gte": reached})


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
