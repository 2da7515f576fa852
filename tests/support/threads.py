"""Threads for tests of the app, each with database connections of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections

from tests.support.thread_pool import call_in_threads

T = TypeVar("T")


def in_threads(count: int, do: Callable[[], T]) -> list[T]:
    """Call ``do`` as ``call_in_threads`` does, and close each thread's database connections."""

    def do_and_close() -> T:
        try:
            return do()
        finally:
            connections.close_all()

    return call_in_threads(count, do_and_close)
