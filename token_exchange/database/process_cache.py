"""How does a process keep a copy of what the database says, and never rely on too old a one?

Whoever needs it reads it in his own thread, which alone sees what its transaction has changed. What
another service says has no transactions: ``remote.refreshing`` reads that in the background, so
that nobody waits for long.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

from token_exchange.conf import get_settings
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event

T = TypeVar("T")

_AWAY_SECONDS: Final = 1.0
"""For so long, at most, nobody asks a database that took as long to fail: each would wait in vain.

Where it fails at once, as a connection does that was cut, it costs that request and no other.
"""


class Copy(Generic[T]):
    """A value that is read again when it is older than it may be; safe to share between threads.

    Its age counts from when it was asked for. While the database is away it serves on until it is
    older than ``REVOCATION_MAX_STALENESS``; then ``get`` raises.
    """

    def __init__(
        self,
        read: Callable[[T | None], T],
        *,
        name: str,
        max_age_seconds: Callable[[], float],
        is_private: Callable[[], bool],
    ) -> None:
        """Take how to read it, given the value before (``None`` to read all of it).

        Where ``is_private`` tells that this thread's transaction has changed what it reads, nobody
        else gets to see that, for it may be rolled back. The name is for the log.
        """
        self._read = read
        self._name = name
        self._max_age_seconds = max_age_seconds
        self._is_private = is_private
        self._is_stale = False
        self._unlock()
        # A child that was forked while a thread of its parent read here would wait for ever.
        with contextlib.suppress(AttributeError):  # where nothing forks
            os.register_at_fork(after_in_child=self._unlock)
        self.forget()

    def _unlock(self) -> None:
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Drop all that is known."""
        with self._lock:
            self._value: T | None = None
            self._asked_at = self._fresh_until = self._away_until = float("-inf")
            self._version = self._version_read = object()

    def expire(self) -> None:
        """Read again when it is needed next, even if that is being done now."""
        self._version = object()

    def get(self) -> T:
        """Return the value; raises what reading it raises, or ``TemporarilyUnavailable``."""
        # In this order: what is looked up after its freshness cannot be older. Spelled out and not
        # called, for every request comes through here.
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
            if self._value is None or not self._is_good_for(arrived_at, version):
                self._refresh()
            return cast("T", self._value)

    def _is_good_for(self, arrived_at: float, version: object) -> bool:
        """Tell whether nobody who arrived then, and saw this version, needs a newer value.

        Where the database is slow, a value may be old when it comes: were it asked for again by
        each who waited for it, they would wait in a queue.
        """
        is_known = self._version_read in (version, self._version)
        return is_known and (arrived_at < self._fresh_until or arrived_at < self._asked_at)

    def _refresh(self) -> None:
        version, asked_at = self._version, time.monotonic()
        if asked_at < self._away_until:
            # Whoever waited for the lock while the database hung shall not wait for it again.
            self._go_on_or_raise(TemporarilyUnavailable(reason="database_away"))
            return
        try:
            self._value = self._read(self._value)
        except (*DATABASE_AWAY, TemporarilyUnavailable) as error:
            failed_at = time.monotonic()
            self._away_until = failed_at + min(failed_at - asked_at, _AWAY_SECONDS)
            self._go_on_or_raise(error)
            return
        self._asked_at = asked_at
        self._fresh_until = asked_at + self._max_age_seconds()
        self._version_read = version
        if self._is_stale:
            self._is_stale = False
            log_event(logging.INFO, "copy.fresh", copy=self._name)

    def _go_on_or_raise(self, error: Exception) -> None:
        age_seconds = time.monotonic() - self._asked_at
        max_staleness_seconds = get_settings().revocation_max_staleness.total_seconds()
        # Nor with what this process itself has made untrue.
        is_outdated = self._version is not self._version_read
        if self._value is None or is_outdated or age_seconds >= max_staleness_seconds:
            raise error
        if not self._is_stale:
            self._is_stale = True
            log_event(logging.ERROR, "copy.stale", copy=self._name, age_seconds=int(age_seconds))
