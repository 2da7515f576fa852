"""What has this process changed that its copies of the database do not say yet?"""

from __future__ import annotations

from django.db import connections, transaction
from django.dispatch import Signal

feed_changed = Signal()
"""This process has changed what copies of the database say: sent at once, and after the commit."""


def mark_changed(*, using: str) -> None:
    """Make this process read its copies anew, now and once the transaction has committed."""
    _send_changed()
    transaction.on_commit(_send_changed, using=using)


def has_uncommitted_changes(*, using: str) -> bool:
    """Tell whether this thread sees changes in the database that are not committed yet."""
    # Django forgets these when the transaction, or the savepoint, is rolled back.
    return any(entry[1] is _send_changed for entry in connections[using].run_on_commit)


def sees_a_snapshot(*, using: str) -> bool:
    """Tell whether this thread may see the database as it was when its transaction began."""
    connection = connections[using]
    level = getattr(connection, "isolation_level", None)
    name = str(getattr(level, "name", level)).upper().replace(" ", "_")
    return connection.in_atomic_block and name != "READ_COMMITTED"


def _send_changed() -> None:
    feed_changed.send(sender=None)
