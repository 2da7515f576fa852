"""Numbers of exchanges per hour, counted in memory and written to ``HourlyCount`` in batches.

Each process adds its counts to the rows after a response, at most every ``INTERVAL_SECONDS`` in
each schema, and when it exits. Refusals are written together with successes, so that a write does
not reveal which credentials exist.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, TypeAlias

from django.core.signals import request_finished
from django.db import connections, router, transaction

from token_exchange.database.per_schema import SchemaKey, schema_key
from token_exchange.models import Counted, Credential, HourlyCount
from token_exchange.models.revocation_writer import batched
from token_exchange_core.event_log import log_event
from token_exchange_core.process_state import ProcessState

EXCHANGED: Final = "exchanged"
REUSED: Final = "reused"
SUCCESSES: Final = (EXCHANGED, REUSED)
"""The outcomes of successful exchanges. All others are the log codes of refusals."""

INTERVAL_SECONDS: Final = 10

LIMIT: Final = 10_000
"""At most so many counts per credential and as many per organization in memory: a few MB."""

_HOUR_SECONDS: Final = 3600
_OUTCOME_LENGTH: Final = HourlyCount._meta.get_field("outcome").max_length

_Key: TypeAlias = tuple[SchemaKey, int, Any, str, str]
"""The schema, the hour since the epoch, the organization's primary key, the identifier, the
outcome."""


class _PendingCounts(ProcessState):
    """Counts that are not written yet. They are no cache: nothing else has them."""

    is_cache = False

    def __init__(self) -> None:
        self._reset(due_at=0)
        super().__init__()

    def _reset(self, *, due_at: float) -> None:
        self._lock = Lock()
        self._counts: dict[_Key, int] = {}
        self._first_due_at = due_at
        self._due_at: dict[SchemaKey, float] = {}
        self.database: object = None

    def clear(self) -> None:
        """Drop the counts; the next write is due after the interval."""
        self._reset(due_at=time.monotonic() + INTERVAL_SECONDS)

    def renew_after_fork(self) -> None:
        """Start from zero: the parent still has these counts, and writes them."""
        self._reset(due_at=0)

    def add(self, key: _Key, count: int = 1) -> None:
        with self._lock:
            counts = self._counts
            number = counts.get(key, 0)
            if not number and len(counts) >= LIMIT:
                key = self._coarser(key)
                number = counts.get(key, 0)
            counts[key] = number + count

    def take(self, schema: SchemaKey) -> dict[_Key, int]:
        """Remove and return the counts of a schema; the others wait until it is their turn."""
        with self._lock:
            taken = {key: count for key, count in self._counts.items() if key[0] == schema}
            self._counts = {k: count for k, count in self._counts.items() if k[0] != schema}
            self._due_at[schema] = time.monotonic() + INTERVAL_SECONDS
        return taken

    def is_due(self, schema: SchemaKey) -> bool:
        due_at = self._due_at.get(schema, self._first_due_at)
        return bool(self._counts) and time.monotonic() >= due_at

    def _coarser(self, key: _Key) -> _Key:
        schema, hour, organization_id, _identifier, outcome = key
        total = (schema, hour, organization_id, "", outcome)
        if total in self._counts or len(self._counts) < 2 * LIMIT:
            return total
        return (schema, hour, None, "", outcome)  # few enough to need no limit


_pending = _PendingCounts()


def count(
    outcome: str, *, now: float, organization_id: Any = None, identifier: str | None = None
) -> None:
    """Count an exchange in memory. Needs no query, and never fails.

    ``now`` is in seconds since the epoch. Without ``organization_id``, ``flush`` looks up the
    organization by the identifier.
    """
    schema = _schema()
    if schema is not None:
        hour = int(now) // _HOUR_SECONDS
        _pending.add((schema, hour, organization_id, identifier or "", outcome))


def flush() -> None:
    """Write the counts in a separate transaction. Never raises.

    Inside a caller's transaction, or if the database cannot be written to, the counts stay in
    memory until the next call. They count twice only if the connection is lost during the commit.
    """
    schema = _schema()
    if schema is None or not (taken := _pending.take(schema)):
        return
    using = schema[0]
    try:
        connection = connections[using]
        _pending.database = connection.settings_dict["NAME"]
        is_written = not connection.in_atomic_block and connection.get_autocommit()
        if is_written:
            _write(taken, using=using)
    except Exception as error:  # noqa: BLE001 - no failure may affect the response
        is_written = False
        log_event(logging.DEBUG, "counts.not_written", error=type(error).__name__)
    if not is_written:
        for key, number in taken.items():
            _pending.add(key, number)


def register() -> None:
    """Write counts after responses and at exit."""
    request_finished.connect(_flush_if_due)
    atexit.register(_flush_at_exit)


def _flush_if_due(**_: object) -> None:
    schema = _schema()
    if schema is not None and _pending.is_due(schema):
        connection = connections[schema[0]]
        was_closed = connection.connection is None
        flush()
        if was_closed:  # by Django, which next closes connections at the following request
            connection.close_if_unusable_or_obsolete()


def _flush_at_exit() -> None:
    # When a project's tests end, NAME is its own database again, not the test database.
    database = connections[router.db_for_write(HourlyCount)].settings_dict["NAME"]
    if database == _pending.database:
        flush()


def _schema() -> SchemaKey | None:
    try:
        return schema_key(router.db_for_write(HourlyCount))
    except Exception:  # noqa: BLE001 - settings that are wrong fail the request by themselves
        return None


def _write(taken: Mapping[_Key, int], *, using: str) -> None:
    refused = {identifier for _, _, organization, identifier, _ in taken if organization is None}
    organizations = _organizations_of(refused) if refused else {}
    counts = _with_totals(taken, organizations)
    with transaction.atomic(using=using):
        HourlyCount.objects.using(using).add(counts)


def _organizations_of(identifiers: Iterable[str]) -> dict[str, Any]:
    """Return the organization of each identifier.

    Queried for empty identifiers, too, so that every refusal costs the same.
    """
    rows = Credential.objects.on_writer()
    return {
        identifier: organization_id
        for some in batched(identifiers)
        for identifier, organization_id in rows.filter(identifier__in=some).values_list(
            "identifier", "organization_id"
        )
    }


def _with_totals(taken: Mapping[_Key, int], organizations: Mapping[str, Any]) -> Counter[Counted]:
    """Return counts per credential and per organization."""
    counts: Counter[Counted] = Counter()
    for (_, hours, organization_id, identifier, outcome), number in taken.items():
        hour = datetime.fromtimestamp(hours * _HOUR_SECONDS, UTC)
        known = organizations.get(identifier, "") if organization_id is None else organization_id
        for each in {identifier, ""}:
            counts[Counted(hour, each, str(known), outcome[:_OUTCOME_LENGTH])] += number
    return counts
