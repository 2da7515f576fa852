"""How is something of another service kept fresh, and when is an old copy good enough?"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event
from token_exchange_core.remote.http import RemoteFault, Resource

T = TypeVar("T")

MAX_REFRESH_SECONDS: Final = 30.0
"""After so long a refresh is given up, however many bytes have come."""
_FIRST_PAUSE_SECONDS: Final = 1.0
MAX_PAUSE_SECONDS: Final = 10.0
"""The longest pause between two tries while the other service is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[T]):
    """What was learnt, and when; the moments are of the monotonic clock."""

    value: T
    asked_at: float
    """When the request was sent that brought it."""
    as_of: float
    """Everything that happened before then is in it; no later than ``asked_at``."""
    max_age_seconds: float
    """For how long it is good without asking again."""


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    """The last good value, with the last moments at which it is fresh, and good enough."""

    value: T
    fresh_until: float
    good_until: float


class _Refresh:
    """One refresh that is under way, or has ended."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.ended = threading.Event()


class _Contact:
    """Whether the other service answers, and from when on it is to be tried again."""

    def __init__(self) -> None:
        self.is_away = False
        self.next_try_at = float("-inf")
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def failed(self) -> None:
        """Try again after a pause, each time a longer one."""
        self.is_away = True
        self.next_try_at = time.monotonic() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, MAX_PAUSE_SECONDS)

    def succeeded(self, *, was_quick: bool) -> None:
        """Wait again for who has been too slow only once he has been quick enough."""
        self.is_away = self.is_away and not was_quick
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        now = time.monotonic()
        self.next_try_at = now + self._pause_seconds if self.is_away else now


class Refreshing(Generic[T]):
    """Keep the last good value of a loader, and ask for another when it is old.

    Refreshes run one at a time in a thread of their own, so that nobody waits longer than the
    timeout, whatever the other service does. While it is away, the last value is good for a while,
    at once; after that there is none. Safe to share between threads, and to use on after a fork.
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
        """Take the loader, which is told by when to stop and raises ``RemoteFault``."""
        self._load = load
        self._resource = resource
        self._timeout_seconds = timeout_seconds
        self._max_staleness_seconds = max_staleness_seconds
        self._unavailable_reason = unavailable_reason
        self._before_waiting = before_waiting
        self._known: _Known[T] | None = None
        self._lock = threading.Lock()
        self._refresh: _Refresh | None = None
        self._contact = _Contact()
        self._next_extra_at = float("-inf")
        _everyone.add(self)

    def get(self) -> T:
        """Return the value; raises ``TemporarilyUnavailable`` where none is good enough."""
        known = self._known
        if known is not None and time.monotonic() < known.fresh_until:
            return known.value
        return self._get_fresh()

    def get_anew(self, *, at_most_every_seconds: float) -> T:
        """Return what there is after one more refresh, if there has been none of these lately.

        For whoever misses something in a value that is fresh. Raises as ``get`` does.
        """
        arrived_at = time.monotonic()
        with self._lock:
            is_due = arrived_at >= max(self._next_extra_at, self._contact.next_try_at)
            if self._refresh is None and is_due:
                self._next_extra_at = arrived_at + at_most_every_seconds
                self._start(arrived_at)
            # One that was under way may bring it as well.
            refresh = None if self._contact.is_away else self._refresh
        if refresh is not None:
            self._wait(refresh, arrived_at)
        return self.get()

    def start_if_old(self) -> None:
        """Start a refresh if ``get`` would, and do not wait for it."""
        self._refresh_for(time.monotonic())

    def _get_fresh(self) -> T:
        arrived_at = time.monotonic()
        # For one that was under way and may be too old for us, and for one of our own.
        for _ in range(2):
            refresh = self._refresh_for(arrived_at)
            if refresh is None or not self._wait(refresh, arrived_at):
                break
        known = self._known
        if known is None or arrived_at > known.good_until:
            raise TemporarilyUnavailable(reason=self._unavailable_reason)
        return known.value

    def _refresh_for(self, arrived_at: float) -> _Refresh | None:
        """Return the refresh that is worth waiting for, if any; start one where it is time."""
        with self._lock:
            known = self._known
            if known is not None and arrived_at <= known.fresh_until:
                return None
            now = time.monotonic()
            if self._refresh and now >= self._refresh.started_at + MAX_REFRESH_SECONDS:
                # Its thread is held up where no timeout reaches, such as by headers that drip.
                self._resource.hang_up()
                self._refresh = None
            if self._refresh is None and now >= self._contact.next_try_at:
                self._start(now)
            is_good = known is not None and arrived_at <= known.good_until
            return None if is_good and self._contact.is_away else self._refresh

    def _start(self, now: float) -> None:
        refresh = _Refresh(now)
        threading.Thread(
            target=self._run, args=(refresh,), name="token_exchange_core.remote", daemon=True
        ).start()
        self._refresh = refresh

    def _wait(self, refresh: _Refresh, arrived_at: float) -> bool:
        """Tell whether the refresh ended within the timeout, from its beginning and from ours."""
        wait_until = min(refresh.started_at, arrived_at) + self._timeout_seconds
        if self._before_waiting is not None:
            self._before_waiting()
        if refresh.ended.wait(max(0.0, wait_until - time.monotonic())):
            return True
        if refresh.started_at <= arrived_at:
            with self._lock:
                is_news = self._refresh is refresh and not self._contact.is_away
                self._contact.is_away = self._contact.is_away or is_news
            if is_news:
                _report(self._resource.url, reason="timeout")
        return False

    def _run(self, refresh: _Refresh) -> None:
        outcome: Loaded[T] | str
        try:
            outcome = self._load(refresh.started_at + MAX_REFRESH_SECONDS)
        except RemoteFault as fault:
            outcome = fault.reason
        except Exception as error:  # noqa: BLE001 - whatever fails, the last value is as good as it was
            # Neither text nor traceback: who knows what of the request is in them.
            outcome = f"unexpected_{type(error).__name__}"
        self._end(refresh, outcome)

    def _end(self, refresh: _Refresh, outcome: Loaded[T] | str) -> None:
        with self._lock:
            was_away = self._contact.is_away
            if self._refresh is refresh:
                self._refresh = None
                if isinstance(outcome, str):
                    self._contact.failed()
                else:
                    self._succeed(outcome, refresh)
            is_away = self._contact.is_away
        refresh.ended.set()
        if is_away != was_away:
            _report(self._resource.url, reason=outcome if isinstance(outcome, str) else None)

    def _succeed(self, loaded: Loaded[T], refresh: _Refresh) -> None:
        good_for = max(loaded.max_age_seconds, self._max_staleness_seconds)
        good_until = loaded.as_of + good_for
        fresh_until = min(loaded.asked_at + loaded.max_age_seconds, good_until)
        self._known = _Known(loaded.value, fresh_until, good_until)
        seconds = time.monotonic() - refresh.started_at
        self._contact.succeeded(was_quick=seconds <= self._timeout_seconds)

    def renew_after_fork(self) -> None:
        """Forget what the threads of the other process were doing."""
        self._lock = threading.Lock()
        self._refresh = None
        self._resource.forget_connections()


def _report(url: str, *, reason: str | None) -> None:
    """Log that the other service is away, for this reason, or is back."""
    if reason is None:
        log_event(logging.INFO, "remote.recovered", url=url)
    else:
        log_event(logging.ERROR, "remote.unreachable", url=url, reason=reason)


_everyone: weakref.WeakSet[Refreshing[Any]] = weakref.WeakSet()


def _renew_everyone() -> None:
    for each in _everyone:
        each.renew_after_fork()


with contextlib.suppress(AttributeError):  # Windows knows no forks
    os.register_at_fork(after_in_child=_renew_everyone)
