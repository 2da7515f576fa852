"""Concurrent transactions: no reader misses a row, and none deadlocks."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from tests.issuer.revocation_feed.threads import (
    SECONDS,
    await_somebody_who_waits,
    commit,
    open_transaction,
)
from tests.issuer.revocation_feed.token_holders import Subject, Undo, revoke
from tests.support.threads import in_threads
from token_exchange.issuer import revocation_feed
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import Credential, Revocation, RevocationFeed

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.usefixtures("always_asks"),
]


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
        revocation_feed.revocations()

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
                lengths.append(len(revocation_feed.revocations()))

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
        assert len(revocation_feed.revocations()) == Revocation.objects.count()
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
        RevocationFeed.objects.all().delete()
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
