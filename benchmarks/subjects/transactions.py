"""Duration of each database transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def watch_transactions() -> Iterator[list[float]]:
    """Collect the seconds of each transaction: a block of ``atomic``, or a statement alone."""
    durations = [0.0]
    clock = time.perf_counter
    set_autocommit = connection.set_autocommit
    began_at = 0.0

    def watch(autocommit: bool, *arguments: Any, **options: Any) -> None:  # noqa: FBT001 - Django's
        nonlocal began_at
        set_autocommit(autocommit, *arguments, **options)
        if autocommit:
            durations.append(clock() - began_at)
        else:
            began_at = clock()

    def statement(execute: Any, *arguments: Any) -> Any:
        start = clock()
        try:
            return execute(*arguments)
        finally:
            if not connection.in_atomic_block:
                durations.append(clock() - start)

    # Django tells nobody when a transaction begins and ends.
    connection.set_autocommit = watch
    try:
        with connection.execute_wrapper(statement):
            yield durations
    finally:
        del connection.set_autocommit
