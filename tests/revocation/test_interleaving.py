"""Transactions of several threads at once: nothing is missed, and nobody waits in a circle."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from tests.parallel import in_threads
from tests.revocation.subjects import Subject
from token_exchange import credentials, revocation
from token_exchange.credentials import CredentialConflict
from token_exchange.models import Credential, Revocation, RevocationFeed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

SECONDS = 30


class Undo(Exception):
    """Rolls back whatever it is raised in."""


class Other:
    """A thread with a connection of its own, which is told to go on step by step."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def begin(self, do: Any, *arguments: Any) -> Future[Any]:
        return self._pool.submit(do, *arguments)

    def do(self, do: Any, *arguments: Any) -> Any:
        return self.begin(do, *arguments).result(timeout=SECONDS)

    def end(self) -> None:
        self.do(connections.close_all)
        self._pool.shutdown()


@pytest.fixture
def others():
    made = [Other(), Other()]
    yield made
    for other in made:
        other.end()


@pytest.fixture(autouse=True)
def _always_asks(token_exchange_settings):
    token_exchange_settings(REVOCATION_MAX_AGE=0)


def revoke(subject: Subject) -> None:
    credentials.revoke(subject.credential, now=timezone.now())


def open_transaction() -> None:
    transaction.atomic().__enter__()


def commit() -> None:
    transaction.Atomic(None, savepoint=True, durable=False).__exit__(None, None, None)


def await_somebody_who_waits() -> None:
    """Return once a connection waits for another's lock."""
    stop_at = time.monotonic() + SECONDS
    while time.monotonic() < stop_at:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND cardinality(pg_blocking_pids(pid)) > 0"
            )
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits")


def positions() -> list[int]:
    return list(Revocation.objects.order_by("position").values_list("position", flat=True))


class TestOrder:
    def test_who_comes_second_is_committed_second(self, others):
        """Ids that a sequence gives out would let the second be read, and hide the first."""
        first, second = Subject("machine"), Subject("machine")
        slow, fast = others
        slow.do(open_transaction)
        slow.do(revoke, first)
        waiting = fast.begin(revoke, second)
        await_somebody_who_waits()
        # Whoever reads now finds neither, and has not gone past either.
        assert (first.show(), second.show()) == (200, 200)
        assert not waiting.done()
        slow.do(commit)
        waiting.result(timeout=SECONDS)
        assert (first.show(), second.show()) == (401, 401)
        assert positions() == [1, 2]

    def test_a_follower_that_reads_all_the_time_misses_nothing(self, token_exchange_settings):
        """Of revocations that commit, are rolled back, and take their time, in four threads."""
        subjects = [Subject("machine") for _ in range(24)]
        left, lengths = list(subjects), []
        revoke(Subject("machine"))
        revocation.revocations()

        def end_some() -> None:
            chance = random.Random(threading.get_ident())
            while True:
                try:
                    subject = left.pop()
                except IndexError:
                    return
                try:
                    with transaction.atomic():
                        revoke(subject)
                        if chance.random() < 0.5:
                            raise Undo
                except Undo:
                    pass

        def follow() -> None:
            while not ended.is_set():
                lengths.append(len(revocation.revocations()))

        ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(follow)
            try:
                in_threads(4, end_some)
            finally:
                ended.set()
            following.result(timeout=SECONDS)
            pool.submit(connections.close_all).result()
        assert lengths == sorted(lengths)
        assert len(revocation.revocations()) == Revocation.objects.count()
        for subject in subjects:
            revoked = subject.credential.revoked_at is not None
            assert subject.show() == (401 if revoked else 200)

    def test_the_first_two_of_all_begin_one_feed(self):
        subjects, barrier = [Subject("machine"), Subject("machine")], threading.Barrier(2)
        left = list(subjects)

        def revoke_one() -> None:
            subject = left.pop()
            barrier.wait(timeout=SECONDS)
            revoke(subject)

        in_threads(2, revoke_one)
        assert RevocationFeed.objects.get().position == 2
        assert [each.show() for each in subjects] == [401, 401]

    def test_who_begins_the_feed_second_waits_for_the_first(self, others):
        first, second = Subject("machine"), Subject("machine")
        slow, fast = others
        slow.do(open_transaction)
        slow.do(revoke, first)
        assert RevocationFeed.objects.count() == 0
        waiting = fast.begin(revoke, second)
        await_somebody_who_waits()
        slow.do(commit)
        waiting.result(timeout=SECONDS)
        assert positions() == [1, 2]


class TestLocks:
    @pytest.mark.parametrize("_attempt", range(5))
    def test_opposite_orders_are_no_circle(self, _attempt):
        one, another = Subject("machine"), Subject("machine")
        orders, barrier = [(one, another), (another, one)], threading.Barrier(2)

        def narrow_both() -> None:
            order = orders.pop()
            barrier.wait(timeout=SECONDS)
            with transaction.atomic():
                for subject in order:
                    Credential.objects.filter(pk=subject.credential.pk).update(scopes=[])

        in_threads(2, narrow_both)
        assert [each.credential.generation for each in (one, another)] == [3, 3]
        assert [each.show() for each in (one, another)] == [401, 401]

    @pytest.mark.parametrize("_attempt", range(3))
    def test_a_user_deleted_and_his_key_revoked_at_once(self, _attempt):
        subject, barrier = Subject("user"), threading.Barrier(2)
        owner = subject.credential.owner

        def revoke_it() -> None:
            barrier.wait(timeout=SECONDS)
            # Not an error of the one who deletes, whoever is faster.
            try:
                revoke(subject)
            except CredentialConflict:
                return

        def delete_him() -> None:
            barrier.wait(timeout=SECONDS)
            owner.delete()

        left = [revoke_it, delete_him]

        def do_one() -> None:
            left.pop()()

        in_threads(2, do_one)
        assert subject.credential.owner is None
        subject.assert_refused_everywhere()


class TestUncommitted:
    def test_is_seen_by_nobody_else(self, others):
        subject = Subject("machine", is_remembered=True)
        revoker, _ = others
        revoker.do(open_transaction)
        revoker.do(revoke, subject)
        assert revoker.do(subject.show) == 401
        assert subject.show() == 200
        revoker.do(commit)
        assert subject.show() == 401
        assert revoker.do(subject.show) == 401

    def test_is_seen_by_nobody_after_it_was_rolled_back(self, others, token_exchange_settings):
        """Nor kept in memory, where nothing would be asked again."""
        token_exchange_settings(REVOCATION_MAX_AGE=60)
        subject = Subject("machine", is_remembered=True)
        revoker, _ = others

        def revoke_and_think_again() -> None:
            try:
                with transaction.atomic():
                    revoke(subject)
                    assert subject.show() == 401
                    assert in_threads(1, subject.show) == [200]
                    raise Undo
            except Undo:
                assert subject.show() == 200

        revoker.do(revoke_and_think_again)
        subject.assert_unharmed()

    def test_is_made_known_at_once_by_the_commit(self, others, token_exchange_settings):
        """Also to threads that have read, while it was not committed, what was true then."""
        token_exchange_settings(REVOCATION_MAX_AGE=60)
        subject = Subject("machine", is_remembered=True)
        revoker, _ = others
        revoker.do(open_transaction)
        revoker.do(revoke, subject)
        assert [subject.show(), subject.show()] == [200, 200]
        revoker.do(commit)
        assert subject.show() == 401


def compromise(subject: Subject) -> None:
    credentials.rotate(subject.credential, now=timezone.now(), compromised=True)


def narrow(subject: Subject) -> None:
    Credential.objects.filter(pk=subject.credential.pk).update(expires_at=timezone.now())


class TestExchangeUnderWay:
    """It began before the revocation was committed, so it may answer; its token is dead."""

    @pytest.mark.parametrize("end", [revoke, compromise, narrow])
    @pytest.mark.parametrize("kind", ["machine", "app"])
    def test_gets_a_token_that_is_dead_on_arrival(self, others, kind, end):
        subject = Subject(kind)
        subject.tokens._raw_delete("default")  # nothing to hand out again
        client, _ = others
        authenticated, go_on = threading.Event(), threading.Event()

        def wait_before_the_insert(execute, sql, params, many, context):
            if sql.startswith("INSERT"):
                authenticated.set()
                assert go_on.wait(timeout=SECONDS)
            return execute(sql, params, many, context)

        def exchange_slowly() -> str:
            with connection.execute_wrapper(wait_before_the_insert):
                return subject.exchanged()

        answer = client.begin(exchange_slowly)
        assert authenticated.wait(timeout=SECONDS)
        if kind == "app":
            # It holds the credential's row: whoever ends that waits, but not the exchange.
            ending = others[1].begin(end, subject)
            await_somebody_who_waits()
            go_on.set()
            ending.result(timeout=SECONDS)
        else:
            end(subject)
            go_on.set()
        token = answer.result(timeout=SECONDS)
        assert subject.show(token) == 401
        assert subject.exchange().status_code == 401


class TestSnapshot:
    def test_an_older_one_takes_nothing_back(self, others, settings):
        """A transaction that repeats its reads sees the feed as it was when it began."""
        early, late = Subject("machine"), Subject("machine", is_remembered=True)
        revoke(early)
        reader, _ = others
        options = settings.DATABASES["default"].setdefault("OPTIONS", {})

        def begin_to_repeat_reads() -> None:
            from psycopg import IsolationLevel  # noqa: PLC0415 - where there is PostgreSQL

            connections["default"].close()
            connections["default"].settings_dict["OPTIONS"] = {
                **options,
                "isolation_level": IsolationLevel.REPEATABLE_READ,
            }
            open_transaction()
            assert RevocationFeed.objects.get().position == 1

        reader.do(begin_to_repeat_reads)
        revoke(late)
        assert late.show() == 401
        assert reader.do(late.show) == 401
        assert late.show() == 401
        reader.do(commit)
