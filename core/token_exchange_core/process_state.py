"""Register of process-wide state: what a process keeps in memory from one request to the next.

Everything of this kind registers here when it is created, so that no cache can be missed by the
events that make it wrong:

* Tests call ``clear_all`` before and after each test.
* ``clear_caches`` runs when a Django setting changes and after ``migrate`` or ``flush``. It empties
  what can be read or computed again; exchange counts that are not yet written stay.
* After ``os.fork`` the child renews its locks and drops what belongs to its parent.

Not registered are the ``lru_cache`` of functions that depend on nothing but their arguments, such
as the parsing of a token's header: their results are never wrong.

A cache whose content differs by database or schema is one object for each of them, and each object
registers itself.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Final, ParamSpec, TypeVar, cast
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")


class ProcessState:
    """Base class of process-wide state; an object is registered for as long as it exists."""

    is_cache = True
    """Whether the content can be read or computed again."""

    def __init__(self) -> None:
        with _register.lock:
            _register.states.add(self)

    def clear(self) -> None:
        """Empty it, as in a process that has just started."""
        raise NotImplementedError

    def renew_after_fork(self) -> None:
        """In a forked child, replace locks that a thread of the parent may have held."""


class _Register:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.states: WeakSet[ProcessState] = WeakSet()
        self.functions: list[Any] = []

    def registered(self) -> list[ProcessState]:
        # Another thread may register something while this one iterates.
        with self.lock:
            return list(self.states)

    def renew_after_fork(self) -> None:
        self.lock = threading.Lock()
        for state in self.registered():
            state.renew_after_fork()


_register: Final = _Register()

with contextlib.suppress(AttributeError):  # Windows has no fork.
    os.register_at_fork(after_in_child=_register.renew_after_fork)


def cached(function: Callable[P, T]) -> Callable[P, T]:
    """Remember results until ``clear_caches``; a decorator like ``functools.cache``."""
    remembering = cache(function)
    _register.functions.append(remembering)
    return cast("Callable[P, T]", remembering)


def clear_caches() -> None:
    """Empty every cache; what is lost can be read or computed again."""
    for function in _register.functions:
        function.cache_clear()
    for state in _register.registered():
        if state.is_cache:
            state.clear()


def clear_all() -> None:
    """Empty every cache, and drop counts that are not yet written."""
    clear_caches()
    for state in _register.registered():
        if not state.is_cache:
            state.clear()
