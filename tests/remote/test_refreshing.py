"""Refreshing: how old a value may be, who waits for another, and for how long."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.parallel import in_threads
from tests.remote.issuer import WAIT_SECONDS
from token_exchange.core.errors import TemporarilyUnavailable
from token_exchange.remote.http import RemoteFault, Resource
from token_exchange.remote.refreshing import Loaded, Refreshing

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


@pytest.fixture
def source(settle: Callable[[], None]) -> Iterator[Source]:
    source = Source()
    yield source
    source.may_go_on.set()
    settle()


@pytest.fixture
def refreshing(source: Source, elapsed: Any) -> Refreshing[int]:
    return make(source)


def make(source: Source, **options: Any) -> Refreshing[int]:
    values = {
        "resource": Resource("https://issuer.test/x", max_bytes=1, timeout_seconds=1),
        "timeout_seconds": TIMEOUT,
        "max_staleness_seconds": MAX_STALENESS,
        "unavailable_reason": "away",
        **options,
    }
    return Refreshing(source, **values)


class TestFresh:
    def test_is_used_at_once(self, refreshing, source, elapsed):
        assert refreshing.get() == 1
        elapsed.seconds += MAX_AGE - 1
        assert refreshing.get() == 1
        assert source.times == 1

    def test_is_asked_for_when_old(self, refreshing, elapsed):
        assert refreshing.get() == 1
        elapsed.seconds += MAX_AGE + 1
        assert refreshing.get() == 2

    def test_no_age_is_to_ask_each_time(self, refreshing, source, elapsed):
        source.max_age_seconds = 0
        for expected in (1, 2, 3):
            assert refreshing.get() == expected
            elapsed.seconds += 0.001

    def test_age_counts_from_when_it_was_asked_for(self, refreshing, source, elapsed):
        with source.hanging():
            refreshing.start_if_old()
            source.has_begun.acquire()
            elapsed.seconds += MAX_AGE + 1
        assert refreshing.get() == 2

    def test_late_one_is_old_when_it_is_no_longer_good(self, refreshing, source, elapsed):
        source.seconds_late = MAX_STALENESS - 1
        assert refreshing.get() == 1
        elapsed.seconds += 2
        assert refreshing.get() == 2

    def test_many_ask_once(self, refreshing, source):
        assert in_threads(20, refreshing.get) == [1] * 20
        assert source.times == 1

    def test_who_comes_during_a_refresh_may_need_one_of_his_own(self, source, elapsed):
        """Without an age, what was asked for before he came is too old for him."""
        source.max_age_seconds = 0
        refreshing = make(source)
        with source.hanging():
            refreshing.start_if_old()
            source.has_begun.acquire()
            elapsed.seconds += 1
        assert refreshing.get() == 2

    def test_something_else_is_begun_before_the_waiting(self, source, elapsed):
        began: list[int] = []
        refreshing = make(source, before_waiting=lambda: began.append(source.times))
        refreshing.get()
        refreshing.get()
        assert len(began) == 1


class TestAway:
    def test_last_value_is_good_for_a_while(self, refreshing, source, elapsed):
        refreshing.get()
        source.fault = RemoteFault("http_500")
        elapsed.seconds += MAX_STALENESS
        assert refreshing.get() == 1
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable) as refused:
            refreshing.get()
        assert refused.value.reason == "away"

    def test_the_while_counts_from_what_is_in_it(self, refreshing, source, elapsed):
        source.seconds_late = 10
        refreshing.get()
        source.fault = RemoteFault("http_500")
        elapsed.seconds += MAX_STALENESS - 10
        assert refreshing.get() == 1
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable):
            refreshing.get()

    def test_while_that_is_shorter_than_the_age_is_as_long(self, source, elapsed):
        refreshing = make(source, max_staleness_seconds=0)
        refreshing.get()
        source.fault = RemoteFault("http_500")
        elapsed.seconds += MAX_AGE
        assert refreshing.get() == 1
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable):
            refreshing.get()

    def test_no_value_yet(self, refreshing, source):
        source.fault = RemoteFault("connection")
        with pytest.raises(TemporarilyUnavailable):
            refreshing.get()

    def test_asks_again_after_pauses_that_grow(self, refreshing, source, elapsed, settle):
        source.fault = RemoteFault("connection")
        tries = []
        for second in range(50):
            before = source.times
            with pytest.raises(TemporarilyUnavailable):
                refreshing.get()
            settle()
            if source.times > before:
                tries.append(second)
            elapsed.seconds += 1
        assert tries == [0, 1, 3, 7, 15, 25, 35, 45]

    def test_pauses_are_short_again_after_a_success(self, refreshing, source, elapsed, settle):
        source.fault = RemoteFault("connection")
        for _ in range(10):
            refreshing.start_if_old()
            settle()
            elapsed.seconds += 1
        source.fault = None
        elapsed.seconds += 10
        assert refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        before = source.times
        elapsed.seconds += 1
        refreshing.start_if_old()
        settle()
        assert source.times == before + 1

    def test_nobody_waits_while_the_last_one_is_good(self, refreshing, source, elapsed, settle):
        refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        source.fault = None
        elapsed.seconds += 1
        with source.hanging():
            assert refreshing.get() == 1
            source.has_begun.acquire()
        settle()
        assert refreshing.get() == 3

    def test_is_waited_for_once_the_last_one_is_no_longer_good(self, refreshing, source, elapsed):
        refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        source.fault = None
        elapsed.seconds += MAX_STALENESS
        assert refreshing.get() == 3

    def test_any_exception_is_a_fault(self, refreshing, source, elapsed, said):
        refreshing.get()
        source.fault = KeyError("hidden")
        elapsed.seconds += MAX_AGE + 1
        assert refreshing.get() == 1
        assert said() == [("remote.unreachable", "unexpected_KeyError")]

    def test_is_said_once_and_so_is_the_end(self, refreshing, source, elapsed, said, caplog):
        for reason in ("timeout", "http_500", "http_500"):
            source.fault = RemoteFault(reason)
            with pytest.raises(TemporarilyUnavailable):
                refreshing.get()
            elapsed.seconds += 20
        source.fault = None
        for _ in range(3):
            refreshing.get()
            elapsed.seconds += 20
        assert said() == [("remote.unreachable", "timeout"), ("remote.recovered", None)]
        records = [each for each in caplog.records if each.name == "token_exchange"]
        assert [each.levelname for each in records] == ["ERROR", "INFO"]
        assert {each.event_fields["url"] for each in records} == {"https://issuer.test/x"}


class TestHanging:
    """The other service neither answers nor refuses."""

    def test_first_waits_as_long_as_the_timeout(self, source, elapsed):
        refreshing = make(source, timeout_seconds=0.05)
        with source.hanging(), pytest.raises(TemporarilyUnavailable):
            refreshing.get()

    def test_next_do_not_wait_for_the_same_again(self, refreshing, source, elapsed):
        with source.hanging():
            refreshing.start_if_old()
            elapsed.seconds += TIMEOUT
            began_at = time.perf_counter()
            with pytest.raises(TemporarilyUnavailable):
                refreshing.get()
            assert time.perf_counter() - began_at < TIMEOUT / 2
        assert source.times == 1

    def test_last_value_is_good_for_a_while(self, source, elapsed, said):
        refreshing = make(source, timeout_seconds=0.05)
        refreshing.get()
        with source.hanging():
            elapsed.seconds += MAX_AGE + 1
            assert [refreshing.get() for _ in range(3)] == [1, 1, 1]
        assert said()[0] == ("remote.unreachable", "timeout")

    def test_who_waited_in_vain_for_a_refresh_of_his_own_says_nothing(self, source, elapsed, said):
        """It began after him, so it has not taken as long as he has waited."""
        source.max_age_seconds = 0
        waits = threading.Semaphore(0)
        refreshing = make(source, before_waiting=waits.release)
        with source.hanging():
            refreshing.start_if_old()
            source.has_begun.acquire()
            first = source.may_go_on
            elapsed.seconds += 1
            waiting = threading.Thread(target=refreshing.get)
            waiting.start()
            waits.acquire()
            elapsed.seconds += TIMEOUT
            with source.hanging():
                first.set()
                waiting.join(WAIT_SECONDS)
        assert source.times == 2
        assert said() == []

    def test_one_that_was_too_slow_is_used(self, source, elapsed, said, settle):
        """But not waited for again before another has been quick enough."""
        refreshing = make(source, timeout_seconds=0.05)
        with source.hanging():
            with pytest.raises(TemporarilyUnavailable):
                refreshing.get()
            elapsed.seconds += 3
        settle()
        assert refreshing.get() == 1
        assert said() == [("remote.unreachable", "timeout")]
        elapsed.seconds += MAX_AGE + 1
        with source.hanging():
            assert refreshing.get() == 1
        assert said() == [("remote.unreachable", "timeout"), ("remote.recovered", None)]
        assert refreshing.get() == 2

    def test_one_that_takes_for_ever_is_given_up(self, refreshing, source, elapsed, settle):
        with source.hanging():
            refreshing.start_if_old()
            source.has_begun.acquire()
            elapsed.seconds += 29
            refreshing.start_if_old()
            assert source.times == 1
            first = source.may_go_on
            source.may_go_on = threading.Event()
            source.may_go_on.set()
            elapsed.seconds += 1
            assert refreshing.get() == 2
            first.set()
            settle()
        assert refreshing.get() == 2


class TestAskedAnew:
    def test_asks_although_it_is_fresh(self, refreshing):
        assert refreshing.get() == 1
        assert refreshing.get_anew(at_most_every_seconds=60) == 2

    def test_no_more_than_so_often(self, refreshing, source, elapsed):
        source.max_age_seconds = 1000
        refreshing.get()
        for second in range(121):
            refreshing.get_anew(at_most_every_seconds=60)
            assert source.times == 2 + second // 60
            elapsed.seconds += 1

    def test_many_at_once_wait_for_the_same(self, refreshing, source):
        refreshing.get()
        values = in_threads(20, lambda: refreshing.get_anew(at_most_every_seconds=60))
        assert (values, source.times) == ([2] * 20, 2)

    def test_nobody_asks_or_waits_while_it_is_away(self, refreshing, source, elapsed):
        refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        assert refreshing.get_anew(at_most_every_seconds=60) == 1
        assert source.times == 2
