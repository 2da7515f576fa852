"""The purge: deletes expired tokens and revocations, old audit events and old counts.

The purge must not slow down requests, so it never deletes many rows in one statement. It walks
through a table once, from the lowest primary key to the highest, in windows: each window is a range
of primary keys, and one short transaction deletes its expired rows. The first window is
``BATCH_ROWS`` keys wide. Windows that take longer than ``BATCH_SECONDS`` are followed by smaller
ones, quick windows by larger ones. Because the lower bound moves on, the database never reads the
same deleted rows twice. In a stretch with almost no expired rows, the purge changes to an index on
the expiry, which finds the rest without reading live rows.

A row is deleted only if both this host's clock and the database's call it expired: a host with a
wrong clock would delete revocations of tokens that others still accept.
"""

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
from token_exchange.models import (
    AccessToken,
    AuditEvent,
    HourlyCount,
    Revocation,
    RevocationFeedMark,
)
from token_exchange.models.feed_counter import read_counter

BATCH_ROWS: Final = 1000
"""The batch size: primary keys in the first window, and rows in each look-up by expiry."""

LARGEST_BATCH_ROWS: Final = 5000

BATCH_SECONDS: Final = 0.02
"""After a longer transaction the batch size is halved; after one of less than half, doubled."""

LIVE_ROWS_IN_A_ROW: Final = 1_000_000
"""After so many rows with almost no expired ones, the rest is looked up by expiry."""

COUNT_RETENTION: Final = timedelta(days=15)
"""How long hourly counts are kept; enough to compare two weeks."""

_FEW_DEAD: Final = 0.01
"""A window with a smaller share of expired rows counts as live."""

_LOCK_TIMEOUT: Final = "20ms"


class _Table(NamedTuple):
    time_field: str
    """Decides whether a row is deleted. It is the first column of an index."""
    what: str


_TABLES: Final[Mapping[type[Model], _Table]] = {
    AccessToken: _Table("expires_at", "tokens"),
    Revocation: _Table("expires_at", "revocations"),
    RevocationFeedMark: _Table("drawn_at", "marks of positions"),
    AuditEvent: _Table("occurred_at", "audit events"),
    HourlyCount: _Table("hour", "hourly counts"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeProgress:
    """The progress through one table, in primary keys, because counting rows is slow."""

    what: str = "tokens"
    deleted: int
    first_pk: int
    reached_pk: int
    last_pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """The numbers of deleted rows."""

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
    """Delete expired rows of all tables, tokens last; return the numbers.

    Stops after ``time_budget_seconds``; the next run does the rest. ``on_progress`` is called for
    audit events and tokens.
    """
    stop_at = time.monotonic() + time_budget_seconds
    now = _by_both_clocks(now)

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
    """Delete tokens that expired more than ``TOKEN_RETENTION`` ago; return the number.

    Skips rows that other transactions lock (on databases with SKIP LOCKED). Two simultaneous
    purges, or one that is killed, do no harm. Stops after ``time_budget_seconds``.
    """
    tokens = AccessToken.objects.on_writer()
    dead = tokens.filter(expires_at__lt=_by_both_clocks(now) - get_settings().token_retention)
    return _purge(dead, time_budget_seconds, on_progress)


def purge_expired_revocations(*, now: datetime, time_budget_seconds: float = float("inf")) -> int:
    """Delete revocations whose last token has expired, and old marks of positions.

    Returns the number of revocations.
    """
    stop_at, now = time.monotonic() + time_budget_seconds, _by_both_clocks(now)
    _purge(
        RevocationFeedMark.objects.on_writer().dead(now=now), time_budget_seconds, is_in_order=True
    )
    dead = Revocation.objects.on_writer().filter(expires_at__lt=now)
    return _purge(dead, stop_at - time.monotonic())


def purge_old_counts(*, now: datetime, time_budget_seconds: float = float("inf")) -> int:
    """Delete hourly counts older than ``COUNT_RETENTION``; return the number."""
    old = HourlyCount.objects.on_writer().filter(hour__lt=_by_both_clocks(now) - COUNT_RETENTION)
    return _purge(old, time_budget_seconds, is_in_order=True)


def purge_audit_events(
    *,
    now: datetime,
    time_budget_seconds: float = float("inf"),
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
) -> int:
    """Delete audit events older than ``AUDIT_RETENTION``, if it is set; return the number."""
    retention = get_settings().audit_retention
    if retention is None:
        return 0
    old = AuditEvent.objects.on_writer().filter(occurred_at__lt=_by_both_clocks(now) - retention)
    return _purge(old, time_budget_seconds, on_progress, is_in_order=True)


def _by_both_clocks(now: datetime) -> datetime:
    """Return ``now``, or the database's time if that is earlier."""
    return min(now, read_counter().database_now or now)


def _purge(
    dead: QuerySet[Any],
    budget_seconds: float,
    on_progress: Callable[[PurgeProgress], None] = lambda progress: None,
    *,
    is_in_order: bool = False,
) -> int:
    """Delete the rows. With ``is_in_order`` (oldest row first), stop at the youngest of them."""
    if dead.query.is_empty():
        return 0
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
                what=_TABLES[dead.model].what,
                deleted=deleted,
                first_pk=first,
                reached_pk=reached,
                last_pk=last,
            )
        )
    return deleted


def _youngest(dead: QuerySet[Any]) -> int | None:
    # A row out of order becomes the youngest in a later run and is deleted then.
    return dead.order_by(_TABLES[dead.model].time_field, "pk").values_list("pk", flat=True).last()


def _rows(dead: QuerySet[Any]) -> QuerySet[Any]:
    rows: QuerySet[Any] = dead.model._default_manager.using(dead.db)
    return rows


def _by_key(
    dead: QuerySet[Any], *, first: int, last: int, stop_at: float
) -> Iterator[tuple[int, int]]:
    """Delete in windows of primary keys; yield the key reached and the number after each."""
    reached, rows, live_in_a_row = first - 1, BATCH_ROWS, 0
    while reached < last and (began_at := time.monotonic()) < stop_at:
        if live_in_a_row >= LIVE_ROWS_IN_A_ROW:
            for count in _by_expiry(dead, stop_at=stop_at):
                yield reached, count
            if time.monotonic() < stop_at:
                yield last, 0
            return
        upper = min(reached + rows, last)
        count = _delete(dead.filter(pk__gt=reached, pk__lte=upper))
        live_in_a_row = 0 if count > rows * _FEW_DEAD else live_in_a_row + rows
        rows = _next_size(rows, seconds=time.monotonic() - began_at)
        reached = upper if count else _before_next(dead, after=upper, last=last)
        yield reached, count


def _next_size(rows: int, *, seconds: float) -> int:
    if seconds > BATCH_SECONDS:
        return max(rows // 2, 1)
    return min(rows * 2, LARGEST_BATCH_ROWS) if seconds < BATCH_SECONDS / 2 else rows


def _before_next(dead: QuerySet[Any], *, after: int, last: int) -> int:
    """Return the key before the next row: a table can have few rows and huge gaps."""
    following = _rows(dead).filter(pk__gt=after, pk__lte=last).order_by("pk")
    return next((pk - 1 for pk in following.values_list("pk", flat=True)[:1]), last)


def _by_expiry(dead: QuerySet[Any], *, stop_at: float) -> Iterator[int]:
    """Delete in batches, the oldest expiry first; yield the number after each.

    This reads no live rows, but expired rows are scattered over the table: if they are many,
    windows of primary keys are faster.
    """
    left, reached, field = dead, None, _TABLES[dead.model].time_field
    while time.monotonic() < stop_at:
        oldest = left.order_by(field).values_list("pk", field)
        found = list(oldest[:BATCH_ROWS])
        count = _delete(dead.filter(pk__in=sorted(pk for pk, _ in found)))
        yield count
        if len(found) < BATCH_ROWS or (not count and found[-1][1] == reached):
            return  # the last rows, or all of them locked
        # Do not read deleted or locked rows again.
        reached = found[-1][1]
        left = dead.filter(**{f"{field}__gte": reached})


def _delete(dead: QuerySet[Any]) -> int:
    """Delete rows that are not locked, in one short transaction; return the number."""
    connection = connections[dead.db]
    if connection.vendor == "postgresql":
        # Locking rows first would take as long again as deleting them, and they are rarely locked.
        # Only a lock time-out is expected here; any other error occurs again below.
        with suppress(OperationalError), transaction.atomic(using=dead.db):
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            return _delete_at_once(dead)
    with transaction.atomic(using=dead.db):
        if connection.features.has_select_for_update_skip_locked:
            free = dead.select_for_update(skip_locked=True).values_list("pk", flat=True)
            dead = _rows(dead).filter(pk__in=list(free))
        # Elsewhere a single DELETE, because SQLite fails a transaction that reads before it writes.
        return _delete_at_once(dead)


def _delete_at_once(dead: QuerySet[Any]) -> int:
    # Without Django's collector: nothing refers to these rows, and no signal is sent for them.
    # It returns None, without a statement, for an empty set of primary keys.
    return dead._raw_delete(dead.db) or 0  # noqa: SLF001
