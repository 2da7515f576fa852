"""How long a statement of this transaction waits for a lock that another session holds.

Without a limit, PostgreSQL waits as long as the other transaction stays open. SQLite locks the
whole database, and its limit is the ``timeout`` of the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

WAIT_SECONDS: Final = 3
"""How long an operation waits for the first lock that it needs."""


@contextmanager
def limited_lock_waits(*, using: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that sets the limit in seconds, and restore the former limit afterwards.

    Use it as the last thing within ``atomic``. After an error the former limit comes back with the
    rollback on PostgreSQL, where it would otherwise outlive a savepoint, and is set on MariaDB.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        former = _value(connection, "SELECT current_setting('lock_timeout')")
        yield lambda seconds: _set_postgresql(connection, f"{int(seconds * 1000)}ms")
        _set_postgresql(connection, former)
    elif connection.vendor == "mysql":
        former = _value(connection, "SELECT @@innodb_lock_wait_timeout")
        try:
            yield lambda seconds: _set_mysql(connection, ceil(seconds))
        finally:
            # Past Django, which runs no query until a broken transaction is rolled back.
            with connection.connection.cursor() as cursor:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [int(former)])
    else:
        yield lambda seconds: None


@contextmanager
def short_lock_waits(*, using: str) -> Iterator[None]:
    """Wait for a lock for ``WAIT_SECONDS`` at most; see ``limited_lock_waits``."""
    with limited_lock_waits(using=using) as limit:
        limit(WAIT_SECONDS)
        yield


def _value(connection: BaseDatabaseWrapper, sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _set_postgresql(connection: BaseDatabaseWrapper, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [value])


def _set_mysql(connection: BaseDatabaseWrapper, seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [seconds])
