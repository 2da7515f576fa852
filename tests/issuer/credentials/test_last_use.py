"""The last use: when it is written, and that it blocks nothing."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from tests.issuer.credentials.conftest import MINUTE, NOW, SECOND, authenticate
from tests.support.factories import make_api_key
from token_exchange_core.errors import InvalidClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def read_only():
    """Make the connection one that cannot write, for a while."""

    @contextmanager
    def limit():
        statement = {
            "sqlite": "PRAGMA query_only = {}",
            "postgresql": "SET default_transaction_read_only = {}",
        }[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(statement.format("on"))
        yield
        with connection.cursor() as cursor:
            cursor.execute(statement.format("off"))

    return limit


class TestLastUse:
    def test_is_written_once_a_minute(self, used, django_assert_num_queries):
        issued = make_api_key(now=NOW)
        assert used(issued).last_used_at == NOW
        assert used(issued, now=NOW + MINUTE - SECOND).last_used_at == NOW
        assert used(issued, now=NOW + MINUTE).last_used_at == NOW + MINUTE
        with django_assert_num_queries(1):
            authenticate(issued, now=NOW + MINUTE + SECOND)

    def test_is_written_once_by_two_who_read_the_same_row(self, django_capture_on_commit_callbacks):
        issued = make_api_key(now=NOW)
        with django_capture_on_commit_callbacks() as callbacks:
            authenticate(issued, now=NOW)
            authenticate(issued, now=NOW + SECOND)
        for callback in callbacks:
            callback()
        issued.credential.refresh_from_db()
        assert issued.credential.last_used_at == NOW

    def test_does_not_end_tokens(self, used):
        assert used(make_api_key(now=NOW)).generation == 1

    def test_is_not_written_by_a_refusal(self, used):
        issued = make_api_key(now=NOW, allowed_networks=["192.0.2.0/24"])
        with pytest.raises(InvalidClient):
            used(issued, address="198.51.100.1")
        issued.credential.refresh_from_db()
        assert issued.credential.last_used_at is None

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_the_end_of_the_callers_transaction(self):
        """So that no request holds this row while it does something else."""
        issued = make_api_key(now=NOW)
        with transaction.atomic():
            authenticate(issued)
            issued.credential.refresh_from_db()
            assert issued.credential.last_used_at is None
        issued.credential.refresh_from_db()
        assert issued.credential.last_used_at == NOW

    @pytest.mark.django_db(transaction=True)
    def test_may_fail_without_anyone_noticing(self, read_only, caplog):
        issued = make_api_key(now=NOW)
        with caplog.at_level(logging.DEBUG, logger="token_exchange"), read_only():
            authenticate(issued)
        assert [record.event for record in caplog.records] == ["credential.use_not_recorded"]
        issued.credential.refresh_from_db()
        assert issued.credential.last_used_at is None
