"""A per-process cache of database rows with a maximum age.

Every request needs the signing keys and the revocations, and reading them each time would cost a
query or two per request. So each process keeps a copy in memory. But a copy gets old: another
process may have revoked a token a moment ago, and this process must not accept it for long. And the
database may be slow or unreachable just when the copy has to be read again.

So the copy is read again once it is older than its maximum age, which counts from when the query
was sent. One thread reads while the others wait for its result. When this process itself writes a
revocation, its copy expires at once. A transaction that has not committed sees its own changes, and
they may still be rolled back, so its thread reads for itself and shares the result with no one.
While the database is unavailable, the last copy is used for ``REVOCATION_MAX_STALENESS``, which is
0 by default; after that, requests fail.

Reads happen in the caller's thread, because only that thread sees its uncommitted changes. Values
of another service have no transactions: they are refreshed in a thread of their own, in
``token_exchange_core.remote.background_refresh``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

from token_exchange.conf import get_settings
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange.database.per_schema import SchemaChanged
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event
from token_exchange_core.process_state import ProcessState

T = TypeVar("T")

_AWAY_SECONDS: Final = 1.0
"""After a slow failure, skip further attempts for as long as it took, but for this long at most.

A fast failure, for example of a closed connection, affects only the request that meets it.
"""


class ProcessCache(ProcessState, Generic[T]):
    """A value that is read again when it is too old; threads may share an object."""

    def __init__(
        self,
        read: Callable[[T | None], T],
        *,
        name: str,
        max_age_seconds: Callable[[], float],
        is_private: Callable[[], bool],
        is_snapshot: Callable[[], bool],
    ) -> None:
        """Set how to read the value.

        ``read`` gets the previous value, or ``None`` to read everything. ``is_private`` returns
        whether this thread's transaction has changed what is read; other threads do not get such a
        value, because it may be rolled back. ``is_snapshot`` returns whether it sees the rows as
        they were when its transaction began; what it reads is then not fresh for the others. The
        name is for the log.
        """
        self._read = read
        self._name = name
        self._max_age_seconds = max_age_seconds
        self._is_private = is_private
        self._is_snapshot = is_snapshot
        self._lock = threading.Lock()
        self.clear()
        super().__init__()

    def renew_after_fork(self) -> None:
        """Keep the value, and replace the lock: a thread of the parent may have held it."""
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Drop the value."""
        with self._lock:
            self._value: T | None = None
            self._is_stale = False
            self._asked_at = self._fresh_until = self._away_until = float("-inf")
            self._version = self._version_read = object()

    def expire(self, **_: object) -> None:
        """Read again at the next use, even if a thread is reading at the moment.

        Can be connected to a signal.
        """
        self._version = object()

    def get(self) -> T:
        """Return the value; raises what ``read`` raises, or ``TemporarilyUnavailable``."""
        # The value comes last: a value that is looked up after its freshness cannot be older.
        # Inline, because every request comes through here.
        if (
            time.monotonic() < self._fresh_until
            and self._version is self._version_read
            and (value := self._value) is not None
        ):
            return value
        arrived_at, version = time.monotonic(), self._version
        if self._is_private():
            return self._read(None)
        with self._lock:
            if self._value is None or not self._is_fresh_for(arrived_at, version):
                self._refresh()
            return cast("T", self._value)

    def _is_fresh_for(self, arrived_at: float, version: object) -> bool:
        """Return whether the value is fresh enough for a caller that arrived then.

        If the database is slow, a value may be old when it arrives. It still counts as fresh for
        the callers that waited for it: otherwise each of them would read in turn.
        """
        is_known = self._version_read in (version, self._version)
        return is_known and (arrived_at < self._fresh_until or arrived_at < self._asked_at)

    def _refresh(self) -> None:
        version, asked_at = self._version, time.monotonic()
        if asked_at < self._away_until:
            # Callers that waited for the lock while the database hung must not wait again.
            self._use_stale_or_raise(TemporarilyUnavailable(reason="database_away"))
            return
        try:
            self._value = self._read(self._value)
        except SchemaChanged:
            # The last value may be another schema's.
            raise
        except (*DATABASE_AWAY, TemporarilyUnavailable) as error:
            failed_at = time.monotonic()
            self._away_until = failed_at + min(failed_at - asked_at, _AWAY_SECONDS)
            self._use_stale_or_raise(error)
            return
        if self._is_snapshot():
            return
        self._asked_at = asked_at
        self._fresh_until = asked_at + self._max_age_seconds()
        self._version_read = version
        if self._is_stale:
            self._is_stale = False
            log_event(logging.INFO, "cache.fresh", cache=self._name)

    def _use_stale_or_raise(self, error: Exception) -> None:
        age_seconds = time.monotonic() - self._asked_at
        max_staleness_seconds = get_settings().revocation_max_staleness.total_seconds()
        # A value that this process itself has made outdated is never used.
        is_outdated = self._version is not self._version_read
        if self._value is None or is_outdated or age_seconds >= max_staleness_seconds:
            raise error
        if not self._is_stale:
            self._is_stale = True
            log_event(logging.ERROR, "cache.stale", cache=self._name, age_seconds=int(age_seconds))
