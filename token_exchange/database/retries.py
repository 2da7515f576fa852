"""Another attempt at a transaction that the database asks to repeat.

At the isolation levels REPEATABLE READ and SERIALIZABLE, PostgreSQL ends one of two transactions
that write to the same row, and on any level one of two that wait for each other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import DatabaseError, connections

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS: Final = 10
PAUSE_SECONDS: Final = 0.01
"""The longest pause after the first attempt; each one after it can be longer by as much."""

_SQLSTATES: Final = frozenset({"40001", "40P01"})
"""``serialization_failure`` and ``deadlock_detected``."""
_MYSQL_DEADLOCK: Final = 1213


def retried(operation: Callable[P, T]) -> Callable[P, T]:
    """Repeat an operation that is a transaction of its own, a limited number of times.

    A failed attempt must leave the arguments as they were. Short random pauses keep operations from
    failing each other again and again. Within a caller's transaction the error is raised at once:
    all of it has to be repeated.
    """

    @wraps(operation)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for number in range(1, ATTEMPTS):
            try:
                return operation(*args, **kwargs)
            except DatabaseError as error:
                if not _asks_to_repeat(error) or _is_in_transaction():
                    raise
            time.sleep(random.uniform(0, PAUSE_SECONDS * number))  # noqa: S311 - no secret
        return operation(*args, **kwargs)

    return attempt


def _asks_to_repeat(error: DatabaseError) -> bool:
    cause = error.__cause__
    # psycopg 3, psycopg 2
    sqlstate = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return sqlstate in _SQLSTATES or error.args[:1] == (_MYSQL_DEADLOCK,)


def _is_in_transaction() -> bool:
    return any(each.in_atomic_block for each in connections.all(initialized_only=True))
