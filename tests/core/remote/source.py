"""A loader for a background refresh, which counts, fails or hangs as a test requires."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.support.fake_issuer import WAIT_SECONDS
from token_exchange_core.remote.background_refresh import BackgroundRefresh, Loaded
from token_exchange_core.remote.http import Resource

TIMEOUT = WAIT_SECONDS
MAX_AGE = 5
MAX_STALENESS = 60


class Source:
    """A loader that counts up, fails or hangs as it is told."""

    def __init__(self) -> None:
        self.times = 0
        self.fault: Exception | None = None
        self.max_age_seconds: float = MAX_AGE
        self.seconds_late = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Semaphore(0)

    def __call__(self, _deadline: float) -> Loaded[int]:
        self.times += 1
        value, asked_at = self.times, time.monotonic()
        may_go_on = self.may_go_on
        self.has_begun.release()
        may_go_on.wait(WAIT_SECONDS)
        if self.fault is not None:
            raise self.fault
        return Loaded(
            value=value,
            asked_at=asked_at,
            as_of=asked_at - self.seconds_late,
            max_age_seconds=self.max_age_seconds,
        )

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let whatever begins meanwhile end only afterwards."""
        self.may_go_on = threading.Event()
        yield
        self.may_go_on.set()


def make(source: Source, **options: Any) -> BackgroundRefresh[int]:
    values = {
        "resource": Resource("https://issuer.test/x", max_bytes=1, timeout_seconds=1),
        "timeout_seconds": TIMEOUT,
        "max_staleness_seconds": MAX_STALENESS,
        "unavailable_reason": "away",
        **options,
    }
    return BackgroundRefresh(source, **values)
