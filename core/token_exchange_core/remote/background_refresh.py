"""A value of another service, refreshed in the background and usable for a while if that fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event
from token_exchange_core.process_state import ProcessState
from token_exchange_core.remote.http import RemoteFault, Resource

T = TypeVar("T")

MAX_REFRESH_SECONDS: Final = 30.0
"""A refresh is abandoned after this time, however much it has received."""
_FIRST_PAUSE_SECONDS: Final = 1.0
MAX_PAUSE_SECONDS: Final = 10.0
"""The longest pause between two attempts while the other service is unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[T]):
    """A value that was loaded, with times of the monotonic clock."""

    value: T
    asked_at: float
    """When the request was sent."""
    as_of: float
    """Everything that happened before then is in the value; no later than ``asked_at``."""
    max_age_seconds: float
    """How long the value may be used without another request."""


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    """The last value, with the times until which it is fresh, and usable."""

    value: T
    fresh_until: float
    usable_until: float


class _Refresh:
    """One refresh, in progress or finished."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.ended = threading.Event()


class _Availability:
    """Whether the other service responds, and when to try again."""

    def __init__(self) -> None:
        self.is_away = False
        self.next_try_at = float("-inf")
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def failed(self) -> None:
        """Try again after a pause, which doubles each time."""
        self.is_away = True
        self.next_try_at = time.monotonic() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, MAX_PAUSE_SECONDS)

    def succeeded(self, *, was_quick: bool) -> None:
        """Start waiting for the service again only after it has responded in time."""
        self.is_away = self.is_away and not was_quick
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        now = time.monotonic()
        self.next_try_at = now + self._pause_seconds if self.is_away else now


class BackgroundRefresh(ProcessState, Generic[T]):
    """Keeps the last value of a loader, and loads another when it is too old.

    Refreshes run one at a time in a thread of their own, so that no caller waits longer than the
    timeout, whatever the other service does. While the service is unavailable, callers get the last
    value without waiting; once that is too old, they get an error. Threads may share an object, and
    a forked process may continue to use it.
    """

    def __init__(
        self,
        load: Callable[[float], Loaded[T]],
        *,
        resource: Resource,
        timeout_seconds: float,
        max_staleness_seconds: float,
        unavailable_reason: str,
        before_waiting: Callable[[], None] | None = None,
    ) -> None:
        """Set the loader, which gets the time at which to stop and raises ``RemoteFault``."""
        self._load = load
        self._resource = resource
        self._timeout_seconds = timeout_seconds
        self._max_staleness_seconds = max_staleness_seconds
        self._unavailable_reason = unavailable_reason
        self._before_waiting = before_waiting
        self._known: _Known[T] | None = None
        self._lock = threading.Lock()
        self._refresh: _Refresh | None = None
        self._availability = _Availability()
        self._next_extra_at = float("-inf")
        super().__init__()

    def clear(self) -> None:
        """Drop the value, and ignore a refresh in progress."""
        with self._lock:
            self._known = None
            self._refresh = None
            self._availability = _Availability()
            self._next_extra_at = float("-inf")

    def renew_after_fork(self) -> None:
        """Keep the value; drop the connections and what the parent's threads were doing."""
        self._lock = threading.Lock()
        self._refresh = None
        self._resource.discard_connections()

    def get(self) -> T:
        """Return the value; raises ``TemporarilyUnavailable`` if none is usable."""
        known = self._known
        if known is not None and time.monotonic() < known.fresh_until:
            return known.value
        return self._get_fresh()

    def get_after_refresh(self, *, at_most_every_seconds: float) -> T:
        """Refresh first, unless this method did so recently; then do as ``get``.

        For callers that miss something in a fresh value.
        """
        arrived_at = time.monotonic()
        with self._lock:
            is_due = arrived_at >= max(self._next_extra_at, self._availability.next_try_at)
            if self._refresh is None and is_due:
                self._next_extra_at = arrived_at + at_most_every_seconds
                self._start(arrived_at)
            # A refresh in progress may bring it as well.
            refresh = None if self._availability.is_away else self._refresh
        if refresh is not None:
            self._wait(refresh, arrived_at)
        return self.get()

    def start_if_old(self) -> None:
        """Start a refresh if ``get`` would, and do not wait for it."""
        self._refresh_for(time.monotonic())

    def _get_fresh(self) -> T:
        arrived_at = time.monotonic()
        # Twice: the result of a refresh in progress may be too old for this caller.
        for _ in range(2):
            refresh = self._refresh_for(arrived_at)
            if refresh is None or not self._wait(refresh, arrived_at):
                break
        known = self._known
        if known is None or arrived_at > known.usable_until:
            raise TemporarilyUnavailable(reason=self._unavailable_reason)
        return known.value

    def _refresh_for(self, arrived_at: float) -> _Refresh | None:
        """Return the refresh to wait for, if any; start one if it is due."""
        with self._lock:
            known = self._known
            if known is not None and arrived_at <= known.fresh_until:
                return None
            now = time.monotonic()
            if self._refresh and now >= self._refresh.started_at + MAX_REFRESH_SECONDS:
                # No timeout reaches its thread, for example while headers arrive byte by byte.
                self._resource.hang_up()
                self._refresh = None
            if self._refresh is None and now >= self._availability.next_try_at:
                self._start(now)
            is_usable = known is not None and arrived_at <= known.usable_until
            return None if is_usable and self._availability.is_away else self._refresh

    def _start(self, now: float) -> None:
        refresh = _Refresh(now)
        threading.Thread(
            target=self._run, args=(refresh,), name="token_exchange_core.remote", daemon=True
        ).start()
        self._refresh = refresh

    def _wait(self, refresh: _Refresh, arrived_at: float) -> bool:
        """Return whether the refresh ended in time, counted from its start or from our arrival."""
        wait_until = min(refresh.started_at, arrived_at) + self._timeout_seconds
        if self._before_waiting is not None:
            self._before_waiting()
        if refresh.ended.wait(max(0.0, wait_until - time.monotonic())):
            return True
        if refresh.started_at <= arrived_at:
            with self._lock:
                has_just_failed = self._refresh is refresh and not self._availability.is_away
                self._availability.is_away = self._availability.is_away or has_just_failed
            if has_just_failed:
                _report(self._resource.url, reason="timeout")
        return False

    def _run(self, refresh: _Refresh) -> None:
        outcome: Loaded[T] | str
        try:
            outcome = self._load(refresh.started_at + MAX_REFRESH_SECONDS)
        except RemoteFault as fault:
            outcome = fault.reason
        except Exception as error:  # noqa: BLE001 - whatever fails, the last value stays usable
            # Without text and traceback, which may contain parts of the request.
            outcome = f"unexpected_{type(error).__name__}"
        self._end(refresh, outcome)

    def _end(self, refresh: _Refresh, outcome: Loaded[T] | str) -> None:
        with self._lock:
            was_away = self._availability.is_away
            if self._refresh is refresh:
                self._refresh = None
                if isinstance(outcome, str):
                    self._availability.failed()
                else:
                    self._succeed(outcome, refresh)
            is_away = self._availability.is_away
        refresh.ended.set()
        if is_away != was_away:
            _report(self._resource.url, reason=outcome if isinstance(outcome, str) else None)

    def _succeed(self, loaded: Loaded[T], refresh: _Refresh) -> None:
        usable_for = max(loaded.max_age_seconds, self._max_staleness_seconds)
        usable_until = loaded.as_of + usable_for
        fresh_until = min(loaded.asked_at + loaded.max_age_seconds, usable_until)
        self._known = _Known(loaded.value, fresh_until, usable_until)
        seconds = time.monotonic() - refresh.started_at
        self._availability.succeeded(was_quick=seconds <= self._timeout_seconds)


def _report(url: str, *, reason: str | None) -> None:
    """Log that the other service is unavailable for this reason, or available again."""
    if reason is None:
        log_event(logging.INFO, "remote.recovered", url=url)
    else:
        log_event(logging.ERROR, "remote.unreachable", url=url, reason=reason)
