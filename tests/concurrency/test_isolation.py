"""Transaction isolation above READ COMMITTED: what PostgreSQL asks to repeat is repeated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.test import Client

from tests.support.factories import basic_header, make_api_key, make_client_app
from token_exchange.issuer import credentials
from token_exchange.models import AccessToken, AuditEvent, Credential, Revocation, RevocationFeed

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

THREADS = 6


@pytest.fixture(params=["REPEATABLE_READ", "SERIALIZABLE"])
def together(request: Any, settings: Any) -> Iterator[Callable[..., list[Any]]]:
    """Run something in several threads at once, each with this isolation level."""
    from psycopg import IsolationLevel  # noqa: PLC0415 - where there is PostgreSQL

    level = IsolationLevel[request.param]
    barrier = threading.Barrier(THREADS)

    def run(do: Callable[[int], Any], number: int) -> Any:
        mine = connections["default"]
        mine.close()
        options = {**settings.DATABASES["default"].get("OPTIONS", {}), "isolation_level": level}
        mine.settings_dict = {**mine.settings_dict, "OPTIONS": options}
        try:
            mine.ensure_connection()
            barrier.wait(30)
            return do(number)
        finally:
            connections.close_all()

    def run_all(do: Callable[[int], Any]) -> list[Any]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(lambda number: run(do, number), range(THREADS)))

    return run_all


class TestFirstRequests:
    def test_get_one_token(self, together, settings):
        settings.TOKEN_EXCHANGE = {**settings.TOKEN_EXCHANGE, "RATE_LIMITS": None}
        headers = basic_header(make_client_app())
        answers = together(lambda _: Client().post("/auth_token", headers=headers, secure=True))
        assert [each.status_code for each in answers] == [200] * THREADS
        assert len({each.json()["access_token"]["token"] for each in answers}) == 1
        assert AccessToken.objects.count() == 1


class TestRevocations:
    def test_of_different_credentials_all_succeed(self, together):
        keys = [make_api_key().credential for _ in range(THREADS)]
        together(lambda number: credentials.revoke(keys[number]))
        assert Credential.objects.filter(revoked_at=None).count() == 0
        assert RevocationFeed.objects.get().position == THREADS
        assert Revocation.objects.count() == THREADS

    def test_begin_in_a_database_that_was_flushed(self, together):
        call_command("flush", verbosity=0, interactive=False)
        assert RevocationFeed.objects.get().position == 0
        keys = [make_api_key().credential for _ in range(THREADS)]
        together(lambda number: credentials.revoke(keys[number]))
        assert RevocationFeed.objects.get().position == THREADS

    def test_of_one_credential_succeed_once(self, together):
        key = make_api_key().credential

        def revoke(_: int) -> bool:
            try:
                credentials.revoke(Credential.objects.get(pk=key.pk))
            except credentials.CredentialConflict:
                return False
            return True

        assert sorted(together(revoke)) == [False] * (THREADS - 1) + [True]
        assert AuditEvent.objects.filter(event="credential.revoked").count() == 1

    def test_within_a_callers_transaction_are_left_to_the_caller(self, together):
        """Only the caller can repeat all of it."""
        keys = [make_api_key().credential for _ in range(THREADS)]
        barrier = threading.Barrier(THREADS)

        def revoke(number: int) -> bool:
            try:
                with transaction.atomic():
                    Credential.objects.count()  # takes the snapshot
                    barrier.wait(30)
                    credentials.revoke(keys[number])
            except OperationalError:
                return False
            return True

        assert sorted(together(revoke)) == [False] * (THREADS - 1) + [True]
        assert RevocationFeed.objects.get().position == 1
