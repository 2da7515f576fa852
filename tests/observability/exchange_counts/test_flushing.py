"""When does a process write what it has counted, and what if it cannot?"""

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
def a_database_that_takes_no_counts():
    def refuse(execute, sql, params, many, context):
        if sql.startswith("INSERT INTO") and "hourlycount" in sql:
            raise DatabaseError("cannot execute INSERT in a read-only transaction")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def written_by(send):
    """Return the first words of what is asked of the database for the counts, and by them."""
    with CaptureQueriesContext(connection) as captured:
        send()
    return [each["sql"].split()[0] for each in captured]


class TestAfterAResponse:
    def test_every_ten_seconds_at_most(self, exchange, elapsed, key):
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

    def test_of_any_view(self, exchange, elapsed, key, client):
        exchange()
        elapsed.seconds += 10
        client.get("/admin/login/")
        assert rows() == of(key, "exchanged", 1)

    def test_and_not_before_it(self, rf, key, elapsed):
        elapsed.seconds += 10
        request = rf.post(PATH, headers=api_key_header(key), secure=True)
        response = WSGIHandler()(request.environ, lambda *_: None)
        assert (response.status_code, rows()) == (200, {})
        response.close()
        assert rows() == of(key, "exchanged", 1)

    def test_in_one_statement_and_a_transaction_of_its_own(self, exchange, elapsed):
        exchange()
        elapsed.seconds += 10
        assert written_by(exchange)[-3:] == ["BEGIN", "INSERT", "COMMIT"]

    @pytest.mark.postgresql
    def test_leaves_no_connection_open_that_django_has_closed(self, rf, key, elapsed):
        elapsed.seconds += 10
        request = rf.post(PATH, headers=api_key_header(key), secure=True)
        WSGIHandler()(request.environ, lambda *_: None).close()
        assert connection.connection is None
        assert rows() == of(key, "exchanged", 1)

    def test_of_a_process_that_counted_nothing_asks_nothing(self, https_client, elapsed):
        https_client.get("/.well-known/jwks.json")
        elapsed.seconds += 1000
        exchange_counts.flush()
        sent = written_by(lambda: https_client.get("/.well-known/jwks.json"))
        assert [verb for verb in sent if verb != "SELECT"] == []

    def test_an_unknown_credential_costs_what_a_known_one_does(self, https_client, key, elapsed):
        unknown = make_api_key()
        unknown.credential.delete()
        credentials.rotate(key.credential, overlap=timedelta(0), act=Act(now=timezone.now()))
        asked = []
        for each in (unknown, key):
            elapsed.seconds += 10
            headers = api_key_header(each)
            asked.append(written_by(lambda sent=headers: https_client.post(PATH, headers=sent)))
        assert asked == [["SELECT", "SELECT", "BEGIN", "INSERT", "COMMIT"]] * 2


class TestWhenItCannot:
    def test_the_response_is_as_ever_and_the_counts_wait(self, exchange, elapsed, key, caplog):
        caplog.set_level(logging.DEBUG, logger="token_exchange")
        exchange()
        elapsed.seconds += 10
        with a_database_that_takes_no_counts():
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

    def test_it_is_part_of_no_transaction_of_somebody_else(self, exchange, elapsed, key):
        exchange()
        elapsed.seconds += 10
        with transaction.atomic():
            exchange()
            exchange_counts.flush()
            assert rows() == {}
        exchange_counts.flush()
        assert rows() == of(key, "exchanged", 2)

    def test_it_is_part_of_no_transaction_without_a_begin(self, exchange, key):
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


class TestBounds:
    """What does not fit is counted less exactly: never not at all, and never without end."""

    @pytest.fixture(autouse=True)
    def _little_room(self, monkeypatch):
        monkeypatch.setattr(exchange_counts, "LIMIT", 3)

    def test_over_the_limit_organizations_are_counted(self):
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

    def test_over_twice_the_limit_everything_is_counted_as_one(self):
        for number in range(20):
            exchange_counts.count(
                "exchanged", now=NOW, organization_id=number, identifier=f"id{number}"
            )
        exchange_counts.flush()
        found = rows()
        assert found["", "", "exchanged"] == 20 - 6
        assert sum(count for (_, each, _), count in found.items() if not each) == 20
        assert len(found) == 3 + 6 + 1

    def test_what_is_put_back_keeps_to_them(self):
        with a_database_that_takes_no_counts():
            for _ in range(2):
                for number in range(20):
                    hour = NOW + number * HOUR
                    exchange_counts.count("exchanged", now=hour, organization_id=1, identifier="id")
                exchange_counts.flush()
        exchange_counts.flush()
        assert sum(count for (_, each, _), count in rows().items() if not each) == 40


class TestThreads:
    def test_that_count_while_another_one_writes_lose_nothing(self):
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
    def test_that_write_at_once_lose_nothing_either(self):
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


class TestManyAtOnce:
    def test_are_written_and_added_to(self):
        for _ in range(2):
            for number in range(1200):
                exchange_counts.count(
                    "exchanged", now=NOW, organization_id=1, identifier=f"id{number}"
                )
            exchange_counts.flush()
        assert HourlyCount.objects.count() == 1201
        assert rows()["1", "", "exchanged"] == 2400
        assert {count for (_, each, _), count in rows().items() if each} == {2}
