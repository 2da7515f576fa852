"""Open transactions: uncommitted revocations stay private, committed ones stay in force."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from tests.issuer.revocation_feed.threads import (
    SECONDS,
    await_somebody_who_waits,
    commit,
    open_transaction,
)
from tests.issuer.revocation_feed.token_holders import Subject, Undo, revoke
from tests.support.threads import in_threads
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential, RevocationFeed

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.usefixtures("always_asks"),
]


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
    credentials.rotate(subject.credential, compromised=True, act=Act(now=timezone.now()))


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


def repeat_reads(settings: Any) -> None:
    """Begin a transaction that goes on to see what it sees first."""
    from psycopg import IsolationLevel  # noqa: PLC0415 - where there is PostgreSQL

    connections["default"].close()
    # This connection's own: the settings themselves are those of every thread.
    connections["default"].settings_dict = {
        **settings.DATABASES["default"],
        "OPTIONS": {"isolation_level": IsolationLevel.REPEATABLE_READ},
    }
    open_transaction()
    RevocationFeed.objects.get()


class TestSnapshot:
    def test_an_older_one_is_not_fresh_for_the_others(
        self, others, settings, elapsed, token_exchange_settings
    ):
        """Neither in the process that revokes, which must know at once, nor in another one."""
        token_exchange_settings(REVOCATION_MAX_AGE=1)
        subject = Subject("machine", is_remembered=True)
        reader, _ = others
        reader.do(repeat_reads, settings)
        assert reader.do(subject.show) == 200
        revoke(subject)
        assert reader.do(subject.show) == 200
        assert subject.show() == 401
        reader.do(commit)

    def test_an_older_one_takes_nothing_back(self, others, settings):
        """A transaction that repeats its reads sees the feed as it was when it began."""
        early, late = Subject("machine"), Subject("machine", is_remembered=True)
        revoke(early)
        reader, _ = others
        reader.do(repeat_reads, settings)
        assert reader.do(RevocationFeed.objects.get).position == 1
        revoke(late)
        assert reader.do(RevocationFeed.objects.get).position == 1
        assert late.show() == 401
        assert reader.do(late.show) == 401
        assert late.show() == 401
        reader.do(commit)
