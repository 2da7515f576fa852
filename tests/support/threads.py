"""How does a test do the same thing in several threads, each with a connection of its own?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def in_threads(count: int, do: Callable[[], T]) -> list[T]:
    """Call ``do`` in so many threads; return what they returned, or raise what one raised."""

    def do_and_close() -> T:
        try:
            return do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(do_and_close) for _ in range(count)]
        return [future.result(timeout=30) for future in futures]
