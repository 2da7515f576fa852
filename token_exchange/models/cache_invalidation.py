"""Invalidation of this process's caches when it writes what they hold."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

from django.db import connections, transaction
from django.dispatch import Signal

feed_changed = Signal()
"""This process has changed what its caches hold: sent at once, and again after the commit."""


class _UncommittedChange:
    """A change that is not committed yet; exists only as long as that is so.

    It is an ``on_commit`` callback, and nothing but Django refers to it. Django drops a callback
    when the transaction commits, and when the transaction or the savepoint is rolled back.
    """

    def __call__(self) -> None:
        _send_feed_changed()


# By connection, each of which belongs to one thread. With weak references, an entry disappears
# when Django drops the callback.
_uncommitted: Final[WeakKeyDictionary[Any, WeakSet[_UncommittedChange]]] = WeakKeyDictionary()


def mark_changed(*, using: str) -> None:
    """Expire this process's caches, now and once the transaction has committed."""
    _send_feed_changed()
    change = _UncommittedChange()
    _uncommitted.setdefault(connections[using], WeakSet()).add(change)
    transaction.on_commit(change, using=using)


def has_uncommitted_changes(*, using: str) -> bool:
    """Return whether this thread's transaction has called ``mark_changed``.

    What it reads may then be rolled back, so it must not be shared with other threads.
    """
    changes = _uncommitted.get(connections[using])
    return changes is not None and len(changes) > 0


def sees_a_snapshot(*, using: str) -> bool:
    """Return whether this thread may see the database as it was when its transaction began."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        return False  # its isolation has no level, and its transactions are short
    level = getattr(connection, "isolation_level", None)
    name = str(getattr(level, "name", level)).upper().replace(" ", "_")
    return connection.in_atomic_block and name != "READ_COMMITTED"


def _send_feed_changed() -> None:
    feed_changed.send(sender=None)
