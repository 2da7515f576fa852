"""Changes that are not committed: known to their own thread, until the commit or a rollback."""

from __future__ import annotations

import contextlib
from functools import partial

import pytest
from django.db import transaction

from tests.support.threads import in_threads
from token_exchange.models.cache_invalidation import (
    feed_changed,
    has_uncommitted_changes,
    mark_changed,
)


class Undo(Exception):
    """Roll a transaction back."""


def is_uncommitted() -> bool:
    return has_uncommitted_changes(using="default")


def mark() -> None:
    mark_changed(using="default")


def undo(do) -> None:
    """Do something in an atomic block that is rolled back."""
    with contextlib.suppress(Undo), transaction.atomic():
        do()
        assert is_uncommitted()
        raise Undo


@pytest.mark.django_db(transaction=True)
class TestHasUncommittedChanges:
    def test_not_before_anything_is_changed(self):
        assert not is_uncommitted()
        with transaction.atomic():
            assert not is_uncommitted()

    def test_until_the_commit(self):
        with transaction.atomic():
            mark()
            assert is_uncommitted()
        assert not is_uncommitted()

    def test_until_the_rollback(self):
        undo(mark)
        assert not is_uncommitted()

    def test_until_the_rollback_of_the_savepoint(self):
        with transaction.atomic():
            undo(mark)
            assert not is_uncommitted()

    def test_a_rolled_back_savepoint_leaves_earlier_changes(self):
        with transaction.atomic():
            mark()
            undo(mark)
            assert is_uncommitted()
        assert not is_uncommitted()

    def test_a_released_savepoint_leaves_its_changes(self):
        with transaction.atomic():
            with transaction.atomic():
                mark()
            assert is_uncommitted()
        assert not is_uncommitted()

    def test_a_released_savepoint_in_one_that_is_rolled_back(self):
        def mark_in_a_savepoint() -> None:
            with transaction.atomic():
                mark()

        with transaction.atomic():
            undo(mark_in_a_savepoint)
            assert not is_uncommitted()

    def test_an_inner_block_without_a_savepoint(self):
        def mark_in_an_inner_block() -> None:
            with transaction.atomic(savepoint=False):
                mark()

        undo(mark_in_an_inner_block)
        assert not is_uncommitted()

    def test_not_outside_a_transaction(self):
        mark()
        assert not is_uncommitted()

    def test_not_in_the_next_transaction(self):
        with transaction.atomic():
            mark()
        with transaction.atomic():
            assert not is_uncommitted()

    def test_other_callbacks_of_the_commit_do_not_matter(self):
        seen = []
        with transaction.atomic():
            transaction.on_commit(partial(seen.append, "before"))
            assert not is_uncommitted()
            mark()
            transaction.on_commit(partial(seen.append, "after"))
            assert is_uncommitted()
        assert seen == ["before", "after"]
        assert not is_uncommitted()

    def test_other_threads_do_not_have_these_changes(self):
        with transaction.atomic():
            mark()
            assert in_threads(2, is_uncommitted) == [False, False]


@pytest.mark.django_db
class TestInATest:
    """Where the outermost transaction is a test's, which is never committed."""

    def test_changes_stay_uncommitted_although_callbacks_were_run(
        self, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            mark()
        assert is_uncommitted()


@pytest.mark.django_db(transaction=True)
class TestMarkChanged:
    @pytest.fixture
    def times(self, hear):
        said = hear(feed_changed)
        return lambda: len(said)

    def test_is_announced_at_once_and_after_the_commit(self, times):
        with transaction.atomic():
            mark()
            assert times() == 1
        assert times() == 2

    def test_is_announced_once_if_it_is_rolled_back(self, times):
        undo(mark)
        assert times() == 1
