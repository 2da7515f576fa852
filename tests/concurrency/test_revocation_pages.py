"""Pages of the revocation feed while many processes revoke: a follower misses nothing."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from tests.http.follower import Follower, revoke_tokens, whole_feed
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.models.revocation_writer import revoking

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

WRITERS = 6
TRANSACTIONS = 40


def follower():
    return Follower(
        lambda epoch, after, mark: read_page(epoch=epoch, after=after, mark=mark, size=4)
    )


def revoke(writer, committed):
    """Revoke in many transactions, some more than once, and tell of each when it is committed."""
    chance = random.Random(writer)
    try:
        for number in range(TRANSACTIONS):
            names = [f"{writer}-{number}-{each}" for each in range(chance.randint(1, 3))]
            # Of all writers, so that rows move to the end while others read them.
            names.append(f"shared-{chance.randint(0, 9)}")
            revoke_tokens(*names)
            committed.extend(names)
    finally:
        connections.close_all()


def test_whatever_was_committed_before_it_asked_is_known_when_it_has_caught_up():
    committed: list[str] = []
    following = follower()
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(revoke, writer, committed) for writer in range(WRITERS)]
        while not all(each.done() for each in writers):
            before = set(committed)
            following.catch_up()
            assert before <= {subject for _, subject in following.known}
        assert [each.result() for each in writers] == [None] * WRITERS
    following.catch_up()
    assert following.known == whole_feed()


def test_a_transaction_that_is_open_holds_back_those_after_it():
    """Else the later one's position would be read first, and the earlier row never."""
    drawn, finish = threading.Event(), threading.Event()

    def open_one():
        try:
            with revoking(using="default"):
                revoke_tokens("earlier")
                drawn.set()
                assert finish.wait(30)
        finally:
            connections.close_all()

    def revoke_one():
        try:
            revoke_tokens("later")
        finally:
            connections.close_all()

    following = follower()
    revoke_tokens("first")
    with ThreadPoolExecutor(2) as pool:
        try:
            earlier = pool.submit(open_one)
            assert drawn.wait(30)
            later = pool.submit(revoke_one)
            while not _is_somebody_waiting():
                assert not later.done()
            following.catch_up()
            assert {subject for _, subject in following.known} == {"first"}
        finally:
            finish.set()
        earlier.result(30)
        later.result(30)
    following.catch_up()
    assert {subject for _, subject in following.known} == {"first", "earlier", "later"}


def _is_somebody_waiting():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0
