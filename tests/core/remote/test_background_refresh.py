"""BackgroundRefresh: the age of values, and what happens while there is no new one."""

from __future__ import annotations

import pytest

from tests.core.remote.source import MAX_AGE, MAX_STALENESS, make
from tests.support.thread_pool import call_in_threads
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.remote.http import RemoteFault


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
        assert call_in_threads(20, refreshing.get) == [1] * 20
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

    def test_nobody_waits_while_the_last_one_is_good(self, source, elapsed, settle):
        waited: list[float] = []
        refreshing = make(source, before_waiting=lambda: waited.append(elapsed.seconds))
        refreshing.get()
        source.fault = RemoteFault("connection")
        elapsed.seconds += MAX_AGE + 1
        refreshing.get()
        source.fault = None
        elapsed.seconds += 1
        with source.hanging():
            waited.clear()
            assert refreshing.get() == 1
            assert waited == []
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
