"""ProcessCache: maximum age, uncommitted changes, and an unavailable database."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest
from django.db import OperationalError

from token_exchange.database.process_cache import ProcessCache
from token_exchange_core.errors import TemporarilyUnavailable

MAX_AGE_SECONDS = 5.0


class Source:
    """Numbers its answers; ``fails_after`` makes it fail after so many seconds."""

    def __init__(self, elapsed: Any) -> None:
        self.elapsed = elapsed
        self.asked = 0
        self.fails_after: float | None = None
        self.error: Exception = OperationalError("away")
        self.during = lambda: None

    def read(self, before: int | None) -> int:
        self.asked += 1
        self.before = before
        self.during()
        if self.fails_after is not None:
            self.elapsed.seconds += self.fails_after
            raise self.error
        return self.asked


@pytest.fixture
def source(elapsed):
    return Source(elapsed)


@pytest.fixture
def private():
    """Whether this thread sees uncommitted changes: empty, or not."""
    return []


@pytest.fixture
def cache(source, private):
    return ProcessCache(
        source.read,
        name="numbers",
        max_age_seconds=lambda: MAX_AGE_SECONDS,
        is_private=lambda: bool(private),
        is_snapshot=lambda: False,
    )


@pytest.fixture
def events(caplog):
    caplog.set_level(logging.DEBUG, logger="token_exchange")
    return lambda: [(each.event, each.levelno, each.event_fields) for each in caplog.records]


class TestAge:
    def test_is_read_again_once_it_is_too_old(self, cache, elapsed):
        assert [cache.get(), cache.get()] == [1, 1]
        elapsed.seconds += MAX_AGE_SECONDS - 0.001
        assert cache.get() == 1
        elapsed.seconds += 0.001
        assert [cache.get(), cache.get()] == [2, 2]

    def test_counts_from_when_it_was_asked_for(self, cache, source, elapsed):
        def take_long():
            elapsed.seconds += 3

        source.during = take_long
        cache.get()
        elapsed.seconds += 1.999
        assert cache.get() == 1
        elapsed.seconds += 0.001
        assert cache.get() == 2

    def test_what_is_known_is_given_to_the_reader(self, cache, source, elapsed):
        cache.get()
        assert source.before is None
        elapsed.seconds += MAX_AGE_SECONDS
        cache.get()
        assert source.before == 1
        cache.clear()
        cache.get()
        assert source.before is None

    def test_ends_when_it_is_said_to_have_changed(self, cache):
        cache.get()
        cache.expire()
        assert [cache.get(), cache.get()] == [2, 2]

    def test_a_change_while_it_is_read_is_not_missed(self, cache, source):
        """What was being read is from before the change."""
        source.during = cache.expire
        cache.get()
        source.during = lambda: None
        assert [cache.get(), cache.get()] == [2, 2]


class TestPrivate:
    def test_uncommitted_changes_are_not_shared(self, cache, source, private):
        cache.get()
        cache.expire()
        private.append("changed")
        assert [cache.get(), cache.get()] == [2, 3]
        assert source.before is None
        private.clear()
        assert [cache.get(), cache.get()] == [4, 4]
        assert source.before == 1

    def test_a_failure_that_is_private_is_no_others(self, cache, source, private):
        private.append("changed")
        source.fails_after = 10
        with pytest.raises(OperationalError):
            cache.get()
        private.clear()
        source.fails_after = None
        assert cache.get() == 2


class TestAway:
    def test_fails_closed(self, cache, source, elapsed, events):
        cache.get()
        elapsed.seconds += MAX_AGE_SECONDS
        source.fails_after = 0
        with pytest.raises(OperationalError):
            cache.get()
        assert events() == []

    @pytest.mark.parametrize(("took", "waits"), [(0.5, 0.5), (1, 1), (30, 1)])
    def test_nobody_waits_in_vain_a_second_time(self, cache, source, elapsed, took, waits):
        source.fails_after = took
        with pytest.raises(OperationalError):
            cache.get()
        elapsed.seconds += waits - 0.001
        with pytest.raises(TemporarilyUnavailable) as refused:
            cache.get()
        assert refused.value.reason == "database_away"
        assert source.asked == 1
        elapsed.seconds += 0.001
        with pytest.raises(OperationalError):
            cache.get()
        assert source.asked == 2

    def test_a_connection_that_was_cut_costs_one_request(self, cache, source):
        source.fails_after = 0
        with pytest.raises(OperationalError):
            cache.get()
        source.fails_after = None
        assert cache.get() == 2

    def test_whatever_else_goes_wrong_is_not_taken_for_that(self, cache, source):
        source.fails_after, source.error = 10, ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            cache.get()
        source.fails_after = None
        assert cache.get() == 2


class TestMaxStaleness:
    @pytest.fixture(autouse=True)
    def _staleness(self, token_exchange_settings):
        token_exchange_settings(REVOCATION_MAX_STALENESS=60)

    @pytest.mark.parametrize("error", [OperationalError(), TemporarilyUnavailable()])
    def test_goes_on_and_says_so_once(self, cache, source, elapsed, events, error):
        cache.get()
        source.fails_after, source.error = 0, error
        elapsed.seconds += 10.5
        assert [cache.get(), cache.get()] == [1, 1]
        elapsed.seconds += 49.499
        assert cache.get() == 1
        assert events() == [("cache.stale", logging.ERROR, {"cache": "numbers", "age_seconds": 10})]
        elapsed.seconds += 0.001
        with pytest.raises(type(error)):
            cache.get()

    def test_says_when_it_is_back(self, cache, source, elapsed, events):
        cache.get()
        for _ in range(2):
            elapsed.seconds += MAX_AGE_SECONDS
            source.fails_after = 0
            cache.get()
            source.fails_after = None
            cache.get()
        assert [event for event, *_ in events()] == ["cache.stale", "cache.fresh"] * 2

    def test_goes_on_without_asking_while_it_is_away(self, cache, source, elapsed):
        cache.get()
        elapsed.seconds += MAX_AGE_SECONDS
        source.fails_after = 30
        assert [cache.get(), cache.get(), cache.get()] == [1, 1, 1]
        assert source.asked == 2

    def test_never_goes_on_with_what_it_has_made_untrue_itself(self, cache, source):
        cache.get()
        cache.expire()
        source.fails_after = 0
        with pytest.raises(OperationalError):
            cache.get()

    def test_has_nothing_to_go_on_with_at_first(self, cache, source):
        source.fails_after = 0
        with pytest.raises(OperationalError):
            cache.get()


class TestThreads:
    def test_one_reads_and_the_others_wait_for_it(self, cache, source):
        inside, go_on = threading.Event(), threading.Event()

        def wait():
            inside.set()
            assert go_on.wait(timeout=30)

        source.during = wait
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(cache.get())) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert inside.wait(timeout=30)
        go_on.set()
        for thread in threads:
            thread.join(timeout=30)
        assert results == [1, 1, 1, 1]

    @pytest.mark.parametrize(("max_age_seconds", "asked"), [(MAX_AGE_SECONDS, 1), (0, 2)])
    def test_who_waited_for_a_slow_database_asks_it_no_more(
        self, source, elapsed, max_age_seconds, asked
    ):
        """What they wait for is as new as they need it, however long it takes to come."""
        arrived = threading.Semaphore(0)
        cache = ProcessCache(
            source.read,
            name="numbers",
            max_age_seconds=lambda: max_age_seconds,
            is_private=lambda: bool(arrived.release()),
            is_snapshot=lambda: False,
        )

        def take_long():
            source.during = lambda: None
            assert all(arrived.acquire(timeout=30) for _ in range(4))
            elapsed.seconds += MAX_AGE_SECONDS

        source.during = take_long
        threads = [threading.Thread(target=cache.get) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert source.asked == asked

    def test_a_lock_that_a_thread_of_the_parent_holds_is_replaced(self, cache):
        with cache._lock:
            cache.renew_after_fork()
            assert cache.get() is not None

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
    def test_a_forked_child_waits_for_no_thread_of_its_parent(self, cache, source):
        inside, go_on = threading.Event(), threading.Event()

        def wait():
            inside.set()
            assert go_on.wait(timeout=30)

        source.during = wait
        reader = threading.Thread(target=cache.get)
        reader.start()
        assert inside.wait(timeout=30)
        child = os.fork()
        if child == 0:
            source.during = lambda: None
            done = threading.Thread(target=cache.get, daemon=True)
            done.start()
            done.join(timeout=10)
            os._exit(done.is_alive())
        _, status = os.waitpid(child, 0)
        go_on.set()
        reader.join(timeout=30)
        assert os.waitstatus_to_exitcode(status) == 0
