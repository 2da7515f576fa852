"""BackgroundRefresh: which callers wait for a slow refresh, and for how long."""

from __future__ import annotations

import threading
import time

import pytest

from tests.core.remote.source import MAX_AGE, TIMEOUT, make
from tests.support.fake_issuer import WAIT_SECONDS
from tests.support.thread_pool import call_in_threads
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.remote.http import RemoteFault


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
            for _ in range(3):
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
        assert refreshing.get_after_refresh(at_most_every_seconds=60) == 2

    def test_no_more_than_so_often(self, refreshing, source, elapsed):
        source.max_age_seconds = 1000
        refreshing.get()
        for second in range(121):
            refreshing.get_after_refresh(at_most_every_seconds=60)
            assert source.times == 2 + second // 60
            elapsed.seconds += 1

    def test_many_at_once_wait_for_the_same(self, refreshing, source):
        refreshing.get()
        values = call_in_threads(20, lambda: refreshing.get_after_refresh(at_most_every_seconds=60))
        assert (values, source.times) == ([2] * 20, 2)

    def test_nobody_waits_for_one_that_was_away(self, source, elapsed, settle):
        """But it is asked, or it would seem to be away for as long as its last answer is fresh."""
        waited: list[float] = []
        refreshing = make(source, before_waiting=lambda: waited.append(elapsed.seconds))
        refreshing.get()
        source.fault = RemoteFault("connection")
        assert refreshing.get_after_refresh(at_most_every_seconds=2) == 1
        source.fault = None
        elapsed.seconds += 2
        waited.clear()
        with source.hanging():
            assert refreshing.get_after_refresh(at_most_every_seconds=2) == 1
        assert waited == []
        settle()
        assert refreshing.get() == 3

    def test_nobody_asks_or_waits_while_it_is_away(self, refreshing, source, elapsed):
        refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        assert refreshing.get_after_refresh(at_most_every_seconds=60) == 1
        assert source.times == 2
