"""Log events that clients can repeat at will: one line a minute for each subject, with a count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from token_exchange_core.event_log import log_event
from token_exchange_core.process_state import ProcessState

_WINDOW_SECONDS: Final = 60
MAX_SUBJECTS: Final = 1_000
"""How many subjects a process keeps in memory; beyond that, the oldest is logged early."""


@dataclass(frozen=True, slots=True)
class _Event:
    level: int
    name: str
    subject: str
    fields: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.subject


@dataclass(slots=True)
class _Unlogged:
    since: float
    """The time of the last line, in seconds since the epoch."""
    count: int
    newest: _Event


class _RepeatedEvents(ProcessState):
    is_cache = False

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], _Unlogged] = {}  # the oldest line first
        self.renew_after_fork()
        super().__init__()

    def clear(self) -> None:
        """Drop what is not logged yet."""
        self._by_key.clear()

    def renew_after_fork(self) -> None:
        """Leave to the parent what it has counted."""
        self._lock = threading.Lock()
        self.clear()

    def add(self, event: _Event, *, now: float) -> list[tuple[_Event, int]]:
        """Return what to log now: events with their counts."""
        with self._lock:
            known = self._by_key.get(event.key)
            if known is not None:
                known.count += 1
                known.newest = event
            lines = list(self._due(now=now))
            if event.key not in self._by_key:
                if known is None:
                    lines.append((event, 1))
                self._by_key[event.key] = _Unlogged(now, 0, event)
        return lines

    def _due(self, *, now: float) -> Iterator[tuple[_Event, int]]:
        while self._by_key:
            key, oldest = next(iter(self._by_key.items()))
            # Not only "less than", because the clock may have been set back.
            is_recent = 0 <= now - oldest.since < _WINDOW_SECONDS
            if is_recent and len(self._by_key) <= MAX_SUBJECTS:
                return
            del self._by_key[key]
            if oldest.count:
                yield oldest.newest, oldest.count


_events: Final = _RepeatedEvents()


def log_repeated_event(
    level: int, event: str, /, *, subject: str, now: float, **fields: object
) -> None:
    """Log the event, or count it if it was logged for this subject within the last minute.

    A line has the fields of the newest event, and in ``count`` how many there were since the line
    before. ``now`` is in seconds since the epoch. Whatever is due for other subjects is logged too.
    """
    for due, count in _events.add(_Event(level, event, subject, fields), now=now):
        log_event(due.level, due.name, **due.fields, count=count)
