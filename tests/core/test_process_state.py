"""The register of process-wide state: what each event clears, and what it leaves alone."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from token_exchange_core import process_state
from token_exchange_core.process_state import ProcessState


class Remembered(ProcessState):
    def __init__(self) -> None:
        self.values = ["something"]
        self.forks = 0
        super().__init__()

    def clear(self) -> None:
        self.values.clear()

    def renew_after_fork(self) -> None:
        self.forks += 1


class Counted(Remembered):
    is_cache = False


class TestClearCaches:
    def test_caches_are_cleared_and_counts_stay(self):
        cache, counts = Remembered(), Counted()
        process_state.clear_caches()
        assert cache.values == []
        assert counts.values == ["something"]

    def test_cached_functions_are_called_again(self):
        calls = []

        @process_state.cached
        def function(argument: str) -> int:
            calls.append(argument)
            return len(calls)

        assert [function("a"), function("a"), function("b")] == [1, 1, 2]
        process_state.clear_caches()
        assert function("a") == 3


class TestClearAll:
    def test_caches_and_counts_are_cleared(self):
        cache, counts = Remembered(), Counted()
        process_state.clear_all()
        assert cache.values == counts.values == []

    def test_an_object_is_registered_only_as_long_as_it_exists(self):
        cleared = []

        class Dropped(ProcessState):
            def clear(self) -> None:
                cleared.append(self)

        Dropped()
        gc.collect()
        process_state.clear_all()
        assert cleared == []

    def test_state_must_say_how_it_is_cleared(self):
        state = ProcessState()
        with pytest.raises(NotImplementedError):
            state.clear()
        del state
        gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
class TestFork:
    def test_state_is_renewed_in_the_child_only(self):
        state = Remembered()
        child = os.fork()
        if child == 0:
            os._exit(0 if (state.forks, state.values) == (1, ["something"]) else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert state.forks == 0

    def test_state_without_locks_needs_no_renewal(self):
        class Plain(ProcessState):
            def clear(self) -> None:
                """It has nothing to clear."""

        plain = Plain()
        child = os.fork()
        if child == 0:
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        del plain

    def test_child_can_register_although_the_parent_was_registering(self):
        with process_state._register.lock:
            child = os.fork()
            if child == 0:
                done = threading.Thread(target=Remembered, daemon=True)
                done.start()
                done.join(timeout=10)
                os._exit(done.is_alive())
            _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
