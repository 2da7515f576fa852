"""Threads for tests that need no framework: one call repeated in several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

WAIT_SECONDS = 30
"""Longer than any call takes on a slow machine."""


def call_in_threads(count: int, do: Callable[[], T]) -> list[T]:
    """Call ``do`` once in each of ``count`` threads; return the results or raise the first error.

    A call that takes longer than ``WAIT_SECONDS`` raises ``TimeoutError``.
    """
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(do) for _ in range(count)]
        return [future.result(timeout=WAIT_SECONDS) for future in futures]
