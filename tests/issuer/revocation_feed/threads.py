"""Threads that a test controls step by step, each in its own transaction."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

SECONDS = 30
"""More than any of these steps takes on a slow machine."""


class Other:
    """A thread with a connection of its own, which is told to go on step by step."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def begin(self, do: Any, *arguments: Any) -> Future[Any]:
        return self._pool.submit(do, *arguments)

    def do(self, do: Any, *arguments: Any) -> Any:
        return self.begin(do, *arguments).result(timeout=SECONDS)

    def end(self) -> None:
        self.do(connections.close_all)
        self._pool.shutdown()


def open_transaction() -> None:
    transaction.atomic().__enter__()


def commit() -> None:
    transaction.Atomic(None, savepoint=True, durable=False).__exit__(None, None, None)


def await_somebody_who_waits() -> None:
    """Return once a connection waits for another's lock."""
    stop_at = time.monotonic() + SECONDS
    while time.monotonic() < stop_at:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND cardinality(pg_blocking_pids(pid)) > 0"
            )
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits")
