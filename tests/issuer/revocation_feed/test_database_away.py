"""Bearer views without a database: 503 by default, and normal again once it is back."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.issuer.revocation_feed.token_holders import Subject
from tests.support.factories import bearer_header
from token_exchange.issuer import credentials, revocation_feed
from token_exchange.issuer.credentials import Act
from token_exchange.observability import exchange_counts
from token_exchange_core import process_state

pytestmark = pytest.mark.django_db(transaction=True)


class Database:
    """Takes some seconds to fail at every statement, once it is away."""

    def __init__(self, elapsed: Any) -> None:
        self._elapsed = elapsed
        self.fails_after: float | None = None
        self.asked = 0

    def __call__(self, execute, sql, params, many, context):
        if self.fails_after is None:
            return execute(sql, params, many, context)
        self.asked += 1
        self._elapsed.seconds += self.fails_after
        raise OperationalError("server closed the connection unexpectedly")


@pytest.fixture
def database(elapsed):
    database = Database(elapsed)
    with connection.execute_wrapper(database):
        yield database


@pytest.fixture
def subject(database):
    subject = Subject("machine", is_remembered=True)
    revocation_feed.revocations()
    # Counts that wait to be written would use the database after a response.
    exchange_counts.flush()
    return subject


@pytest.fixture
def events(caplog):
    caplog.set_level(logging.INFO, logger="token_exchange")

    def of_caches() -> list[tuple[str, str]]:
        ours = [each for each in caplog.records if each.name == "token_exchange"]
        return [
            (each.event, each.event_fields["cache"])
            for each in ours
            if each.event.startswith("cache.")
        ]

    return of_caches


class TestByDefault:
    def test_is_closed_once_the_copy_is_too_old(self, subject, database, elapsed, events):
        database.fails_after = 0
        assert subject.show() == 200
        assert database.asked == 0
        elapsed.seconds += 1
        answer = subject.client.get("/bearer", headers=bearer_header(subject.token))
        assert answer.status_code == 503
        assert answer.json() == {
            "error": "temporarily_unavailable",
            "error_description": "The service is temporarily unavailable. Please try again later.",
        }
        assert answer["Retry-After"] == "5"
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
        assert events() == []

    def test_is_open_again_once_it_is_back(self, subject, database, elapsed):
        database.fails_after = 0
        elapsed.seconds += 1
        assert subject.show() == 503
        database.fails_after = None
        subject.assert_unharmed()

    def test_hangs_for_one_request_alone(self, subject, database, elapsed):
        elapsed.seconds += 1
        database.fails_after = 30
        assert [subject.show() for _ in range(4)] == [503] * 4
        # The keys and the revocations may each be asked for once.
        assert database.asked <= 2
        elapsed.seconds += 1
        database.fails_after = None
        assert subject.show() == 200

    def test_what_is_no_token_is_refused_without_it(self, subject, database, elapsed):
        elapsed.seconds += 1
        database.fails_after = 0
        assert subject.show("a.b") == 401
        assert database.asked == 0


class TestMaxStaleness:
    @pytest.fixture
    def subject(self, database, token_exchange_settings):
        token_exchange_settings(REVOCATION_MAX_STALENESS=60)
        subject = Subject("machine", is_remembered=True)
        subject.show()
        return subject

    def test_goes_on_for_so_long_and_says_so_once(self, subject, database, elapsed, events):
        revoked = Subject("machine", is_remembered=True)
        credentials.revoke(revoked.credential, act=Act(now=timezone.now()))
        assert (subject.show(), revoked.show(), subject.show()) == (200, 401, 200)
        database.fails_after = 0
        for _ in range(3):
            elapsed.seconds += 19
            assert (subject.show(), revoked.show()) == (200, 401)
        assert sorted(events()) == [("cache.stale", "key_set"), ("cache.stale", "revocations")]
        elapsed.seconds += 3
        assert (subject.show(), revoked.show()) == (503, 503)

    def test_says_when_it_is_back(self, subject, database, elapsed, events):
        database.fails_after = 0
        elapsed.seconds += 1
        assert subject.show() == 200
        database.fails_after = None
        subject.assert_unharmed()
        assert sorted(events()) == [
            *(("cache.fresh", "key_set"), ("cache.fresh", "revocations")),
            *(("cache.stale", "key_set"), ("cache.stale", "revocations")),
        ]

    def test_of_a_user_needs_the_user(self, database, elapsed, token_exchange_settings):
        """He may have been deactivated since; nothing in memory tells."""
        token_exchange_settings(REVOCATION_MAX_STALENESS=60)
        subject = Subject("user", is_remembered=True)
        database.fails_after = 0
        assert subject.show() == 503


class ReplicaRouter:
    """Reads from a database that is not there, unless somebody insists on the writer."""

    def db_for_read(self, model, **_hints):
        return "replica"

    def db_for_write(self, model, **_hints):
        return "default"


class TestReplica:
    """It may not know of a revocation yet."""

    @pytest.mark.parametrize("kind", ["machine", "user"])
    def test_is_not_asked(self, kind, settings):
        subject, revoked = Subject(kind), Subject(kind)
        settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaRouter"]
        assert subject.show() == 200
        credentials.revoke(revoked.issued.credential, act=Act(now=timezone.now()))
        assert (subject.show(), revoked.show()) == (200, 401)
        process_state.clear_caches()
        assert (subject.show(), revoked.show()) == (200, 401)

    def test_is_not_asked_by_those_who_write(self, settings):
        subjects = [Subject("machine", is_remembered=True) for _ in range(2)]
        rows = type(subjects[0].credential).objects.filter(
            pk__in=[each.credential.pk for each in subjects]
        )
        settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaRouter"]
        assert rows.update(scopes=[]) == 2
        assert [each.show() for each in subjects] == [401, 401]
        tokens = type(subjects[0].tokens.using("default").get()).objects
        assert tokens.update(revoked_at=timezone.now()) == 2
