"""How often do exchanges succeed and fail, without a write for each of them?

Each process counts in memory, and adds what it counted to the rows of ``HourlyCount`` after a
response, every ``INTERVAL_SECONDS`` at most, and at its end. Refusals are written with the rest, so
that nobody learns from a write which credentials there are.
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

from token_exchange.models import Counted, Credential, HourlyCount
from token_exchange.models.revocation_writer import batched
from token_exchange_core.event_log import log_event
from token_exchange_core.process_state import ProcessState

EXCHANGED: Final = "exchanged"
REUSED: Final = "reused"
SUCCESSES: Final = (EXCHANGED, REUSED)
"""The outcomes that are tokens; all others are the private reasons of refusals."""

INTERVAL_SECONDS: Final = 10

LIMIT: Final = 10_000
"""How many counts are kept by credential, and as many again by organization: a few MB in all."""

_HOUR_SECONDS: Final = 3600
_OUTCOME_LENGTH: Final = 40

_Key: TypeAlias = tuple[int, Any, str, str]
"""The hour since the epoch, the organization's primary key, the identifier, the outcome."""


class _PendingCounts(ProcessState):
    """Counts that are not written yet. They are no cache: nothing else has them."""

    is_cache = False

    def __init__(self) -> None:
        self._reset(due_at=0)
        super().__init__()

    def _reset(self, *, due_at: float) -> None:
        self._lock = Lock()
        self._counts: dict[_Key, int] = {}
        self._due_at = due_at
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
                key = self._less_exact(key)
                number = counts.get(key, 0)
            counts[key] = number + count

    def take(self) -> dict[_Key, int]:
        with self._lock:
            taken, self._counts = self._counts, {}
            self._due_at = time.monotonic() + INTERVAL_SECONDS
        return taken

    def is_due(self) -> bool:
        return bool(self._counts) and time.monotonic() >= self._due_at

    def _less_exact(self, key: _Key) -> _Key:
        hour, organization_id, _identifier, outcome = key
        total = (hour, organization_id, "", outcome)
        if total in self._counts or len(self._counts) < 2 * LIMIT:
            return total
        return (hour, None, "", outcome)  # of which there are few, however long they wait


_pending = _PendingCounts()


def count(
    outcome: str, *, now: float, organization_id: Any = None, identifier: str | None = None
) -> None:
    """Count an exchange, in memory: no query, no setting, nothing that could fail.

    ``now`` is in seconds since the epoch. ``organization_id`` is looked up later where the
    identifier alone is known.
    """
    _pending.add((int(now) // _HOUR_SECONDS, organization_id, identifier or "", outcome))


def flush() -> None:
    """Write what this process has counted, in a transaction of its own; raises nothing.

    Inside a caller's transaction, and while the database cannot be written to, the counts wait for
    the next time. Only a connection that is lost in the commit can make them count twice.
    """
    taken = _pending.take()
    if not taken:
        return
    using = router.db_for_write(HourlyCount)
    try:
        connection = connections[using]
        _pending.database = connection.settings_dict["NAME"]
        is_written = not connection.in_atomic_block and connection.get_autocommit()
        if is_written:
            _write(taken, using=using)
    except Exception as error:  # noqa: BLE001 - whatever it is, a response has nothing to do with it
        is_written = False
        log_event(logging.DEBUG, "counts.not_written", error=type(error).__name__)
    if not is_written:
        for key, number in taken.items():
            _pending.add(key, number)


def start() -> None:
    """Write after responses, and at the end of this process."""
    request_finished.connect(_flush_if_due)
    atexit.register(_flush_at_exit)


def _flush_if_due(**_: object) -> None:
    if _pending.is_due():
        connection = connections[router.db_for_write(HourlyCount)]
        was_closed = connection.connection is None
        flush()
        if was_closed:  # by Django, which will not look again before the next request
            connection.close_if_unusable_or_obsolete()


def _flush_at_exit() -> None:
    # After the tests of a project, its database is another one, which they must not write to.
    database = connections[router.db_for_write(HourlyCount)].settings_dict["NAME"]
    if database == _pending.database:
        flush()


def _write(taken: Mapping[_Key, int], *, using: str) -> None:
    refused = {identifier for _, organization, identifier, _ in taken if organization is None}
    organizations = _organizations_of(refused) if refused else {}
    counts = _with_totals(taken, organizations)
    with transaction.atomic(using=using):
        HourlyCount.objects.using(using).add(counts)


def _organizations_of(identifiers: Iterable[str]) -> dict[str, Any]:
    """Look up to whom these belong; of no identifier as well, so that each refusal costs that."""
    rows = Credential.objects.on_writer()
    return {
        identifier: organization_id
        for some in batched(identifiers)
        for identifier, organization_id in rows.filter(identifier__in=some).values_list(
            "identifier", "organization_id"
        )
    }


def _with_totals(taken: Mapping[_Key, int], organizations: Mapping[str, Any]) -> Counter[Counted]:
    """Return the rows of credentials, and those of all of an organization."""
    counts: Counter[Counted] = Counter()
    for (hours, organization_id, identifier, outcome), number in taken.items():
        hour = datetime.fromtimestamp(hours * _HOUR_SECONDS, UTC)
        known = organizations.get(identifier, "") if organization_id is None else organization_id
        for each in {identifier, ""}:
            counts[Counted(hour, each, str(known), outcome[:_OUTCOME_LENGTH])] += number
    return counts
