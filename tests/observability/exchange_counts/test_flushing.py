"""When a process writes its counts, and what happens if it cannot."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.observability.exchange_counts.rows import of, rows
from tests.support.factories import api_key_header, make_api_key
from tests.support.threads import in_threads
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import HourlyCount
from token_exchange.observability import exchange_counts
from token_exchange_core import process_state

pytestmark = pytest.mark.django_db(transaction=True)

NOW = 1_900_000_000.0
HOUR = 3600
PATH = "/v1/token"


@pytest.fixture
def key():
    return make_api_key()


@pytest.fixture(autouse=True)
def _written_just_now(elapsed):
    process_state.clear_all()


@pytest.fixture
def exchange(https_client, key):
    return lambda: https_client.post(PATH, headers=api_key_header(key))


@contextmanager
def database_that_refuses_counts():
    def refuse(execute, sql, params, many, context):
        if sql.startswith("INSERT INTO") and "hourlycount" in sql:
            raise DatabaseError("cannot execute INSERT in a read-only transaction")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def written_by(send):
    """Return the first words of the SQL statements that ``send`` causes."""
    with CaptureQueriesContext(connection) as captured:
        send()
    return [each["sql"].split()[0] for each in captured]


class TestWriteAfterAResponse:
    def test_happens_at_most_every_ten_seconds(self, exchange, elapsed, key):
        exchange()
        elapsed.seconds += 9.999
        exchange()
        assert rows() == {}
        elapsed.seconds += 0.001
        exchange()
        assert rows() == of(key, "exchanged", 3)
        exchange()
        assert rows() == of(key, "exchanged", 3)
        elapsed.seconds += 10
        exchange()
        assert rows() == of(key, "exchanged", 5)

    def test_happens_after_any_view(self, exchange, elapsed, key, client):
        exchange()
        elapsed.seconds += 10
        client.get("/admin/login/")
        assert rows() == of(key, "exchanged", 1)

    def test_does_not_happen_before_the_response(self, rf, key, elapsed):
        elapsed.seconds += 10
        request = rf.post(PATH, headers=api_key_header(key), secure=True)
        response = WSGIHandler()(request.environ, lambda *_: None)
        assert (response.status_code, rows()) == (200, {})
        response.close()
        assert rows() == of(key, "exchanged", 1)

    def test_is_one_statement_in_a_separate_transaction(self, exchange, elapsed):
        exchange()
        elapsed.seconds += 10
        assert written_by(exchange)[-3:] == ["BEGIN", "INSERT", "COMMIT"]

    @pytest.mark.postgresql
    def test_leaves_no_connection_open(self, rf, key, elapsed):
        elapsed.seconds += 10
        request = rf.post(PATH, headers=api_key_header(key), secure=True)
        WSGIHandler()(request.environ, lambda *_: None).close()
        assert connection.connection is None
        assert rows() == of(key, "exchanged", 1)

    def test_sends_no_query_without_counts(self, https_client, elapsed):
        https_client.get("/.well-known/jwks.json")
        elapsed.seconds += 1000
        exchange_counts.flush()
        sent = written_by(lambda: https_client.get("/.well-known/jwks.json"))
        assert [verb for verb in sent if verb != "SELECT"] == []

    def test_sends_the_same_queries_for_known_and_unknown_credentials(
        self, https_client, key, elapsed
    ):
        unknown = make_api_key()
        unknown.credential.delete()
        credentials.rotate(key.credential, overlap=timedelta(0), act=Act(now=timezone.now()))
        asked = []
        for each in (unknown, key):
            elapsed.seconds += 10
            headers = api_key_header(each)
            asked.append(written_by(lambda sent=headers: https_client.post(PATH, headers=sent)))
        assert asked == [["SELECT", "SELECT", "BEGIN", "INSERT", "COMMIT"]] * 2


class TestSeveralSchemas:
    """A test's function tells the schema; each has the same rows here."""

    @pytest.fixture
    def in_schema(self, token_exchange_settings):
        token_exchange_settings(SCHEMA_NAME=f"{__name__}.current_schema")
        yield current.update
        current.update(schema="")

    def test_one_does_not_put_off_the_write_of_another(self, exchange, elapsed, key, in_schema):
        for schema in ("red", "blue"):
            in_schema(schema=schema)
            exchange()
        elapsed.seconds += 10
        exchange()
        assert rows() == of(key, "exchanged", 2)
        in_schema(schema="red")
        exchange()
        assert rows() == of(key, "exchanged", 4)

    def test_without_a_schema_a_response_is_not_affected(
        self, client, elapsed, in_schema, exchange
    ):
        in_schema(schema="red")
        exchange()
        elapsed.seconds += 10
        in_schema(schema=None)
        assert client.get("/admin/login/").status_code == 200
        exchange_counts.flush()
        assert rows() == {}


current = {"schema": ""}


def current_schema():
    if current["schema"] is None:
        raise LookupError("no tenant")
    return current["schema"]


class TestFailedWrite:
    def test_does_not_affect_the_response_and_is_retried(self, exchange, elapsed, key, caplog):
        caplog.set_level(logging.DEBUG, logger="token_exchange")
        exchange()
        elapsed.seconds += 10
        with database_that_refuses_counts():
            assert exchange().status_code == 200
        (record,) = [each for each in caplog.records if each.event == "counts.not_written"]
        assert record.levelno == logging.DEBUG
        assert record.event_fields == {"error": "DatabaseError"}
        assert rows() == {}
        exchange()
        assert rows() == {}
        elapsed.seconds += 10
        exchange()
        assert rows() == of(key, "exchanged", 4)

    def test_waits_for_the_end_of_the_callers_transaction(self, exchange, elapsed, key):
        exchange()
        elapsed.seconds += 10
        with transaction.atomic():
            exchange()
            exchange_counts.flush()
            assert rows() == {}
        exchange_counts.flush()
        assert rows() == of(key, "exchanged", 2)

    def test_waits_until_autocommit_is_on(self, exchange, key):
        exchange()
        connection.set_autocommit(False)
        try:
            exchange_counts.flush()
            assert rows() == {}
        finally:
            connection.rollback()
            connection.set_autocommit(True)
        exchange_counts.flush()
        assert rows() == of(key, "exchanged", 1)


class TestMemoryLimit:
    """Beyond the limit, counts become coarser, but none is lost."""

    @pytest.fixture(autouse=True)
    def _little_room(self, monkeypatch):
        monkeypatch.setattr(exchange_counts, "LIMIT", 3)

    def test_beyond_the_limit_counts_per_organization(self):
        for number in range(5):
            exchange_counts.count("exchanged", now=NOW, organization_id=1, identifier=f"id{number}")
        exchange_counts.count("exchanged", now=NOW, organization_id=1, identifier="id0")
        exchange_counts.flush()
        assert rows() == {
            ("1", "", "exchanged"): 6,
            ("1", "id0", "exchanged"): 2,
            ("1", "id1", "exchanged"): 1,
            ("1", "id2", "exchanged"): 1,
        }

    def test_beyond_twice_the_limit_counts_one_total(self):
        for number in range(20):
            exchange_counts.count(
                "exchanged", now=NOW, organization_id=number, identifier=f"id{number}"
            )
        exchange_counts.flush()
        found = rows()
        assert found["", "", "exchanged"] == 20 - 6
        assert sum(count for (_, each, _), count in found.items() if not each) == 20
        assert len(found) == 3 + 6 + 1

    def test_applies_to_counts_that_could_not_be_written(self):
        with database_that_refuses_counts():
            for _ in range(2):
                for number in range(20):
                    hour = NOW + number * HOUR
                    exchange_counts.count("exchanged", now=hour, organization_id=1, identifier="id")
                exchange_counts.flush()
        exchange_counts.flush()
        assert sum(count for (_, each, _), count in rows().items() if not each) == 40


class TestThreads:
    def test_counting_during_a_write_lose_no_count(self):
        start = Barrier(5)

        def work():
            start.wait(timeout=30)
            for _ in range(500):
                exchange_counts.count("exchanged", now=NOW, organization_id=1, identifier="id")

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        start.wait(timeout=30)
        while any(thread.is_alive() for thread in threads):
            exchange_counts.flush()
        exchange_counts.flush()
        assert rows() == {("1", "id", "exchanged"): 2000, ("1", "", "exchanged"): 2000}

    @pytest.mark.postgresql
    def test_writing_at_the_same_time_lose_no_count(self):
        start = Barrier(8)

        def work():
            start.wait(timeout=30)
            for number in range(500):
                exchange_counts.count(
                    "exchanged", now=NOW, organization_id=1, identifier=f"{number % 7}"
                )
                if number % 100 == 99:
                    exchange_counts.flush()

        in_threads(8, work)
        exchange_counts.flush()
        assert rows()["1", "", "exchanged"] == 4000


class TestManyCounts:
    def test_are_inserted_and_then_added_to(self):
        for _ in range(2):
            for number in range(1200):
                exchange_counts.count(
                    "exchanged", now=NOW, organization_id=1, identifier=f"id{number}"
                )
            exchange_counts.flush()
        assert HourlyCount.objects.count() == 1201
        assert rows()["1", "", "exchanged"] == 2400
        assert {count for (_, each, _), count in rows().items() if each} == {2}
