"""The sessions that make others wait, as PostgreSQL shows them; nothing on other databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.db import connections

# PostgreSQL shows the state of another role's sessions only to members of pg_read_all_stats.
_COLUMNS: Final = """blocking.pid, blocking.usename, coalesce(
    blocking.state || ', transaction started at '
        || to_char(blocking.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
    'its state is not visible to this role'
), clock_timestamp() - blocking.xact_start"""

_BLOCKING: Final = f"""
SELECT {_COLUMNS}
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocking_pid
JOIN pg_stat_activity AS blocking ON blocking.pid = blocking_pid
WHERE waiting.datname = current_database()
ORDER BY blocking.xact_start
LIMIT 1
"""  # noqa: S608 - a constant

_HOLDING: Final = f"""
SELECT {_COLUMNS}
FROM pg_locks
JOIN pg_stat_activity AS blocking ON blocking.pid = pg_locks.pid
WHERE pg_locks.relation = %s::regclass AND pg_locks.granted
    AND pg_locks.mode IN ('RowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    AND blocking.pid <> pg_backend_pid()
    AND blocking.wait_event_type IS DISTINCT FROM 'Lock'
ORDER BY blocking.xact_start
LIMIT 1
"""  # noqa: S608 - a constant


class BlockingSession(NamedTuple):
    """A session whose transaction holds a lock."""

    pid: int
    user: str
    state: str
    open_for: timedelta | None
    """How long its transaction has been open; unknown if this role may not see it."""

    def __str__(self) -> str:
        return (
            f"Session {self.pid} of the database user {self.user} blocks others ({self.state}). "
            f"Let it finish, or end it: SELECT pg_terminate_backend({self.pid});"
        )


def blocking_session(*, using: str) -> BlockingSession | None:
    """Return the session that began first of all those that another one waits for now."""
    return _first(_BLOCKING, [], using=using)


def session_writing_to(table: str, *, using: str) -> BlockingSession | None:
    """Return the oldest session whose open transaction has written to a table or locked it.

    Unlike ``blocking_session`` it finds it when nobody waits, because all have given up.
    """
    return _first(_HOLDING, [table], using=using)


def _first(sql: str, parameters: list[Any], *, using: str) -> BlockingSession | None:
    connection = connections[using]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else BlockingSession(*row)
