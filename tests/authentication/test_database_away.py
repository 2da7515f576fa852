"""Every authenticator while the database is unreachable: 503, in the form of our errors.

These tests run outside a test transaction: Django forbids tests to open unprepared connections, and
here a connection must fail to open.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections

from token_exchange.issuer import signing_keys
from token_exchange_core import process_state, tokens
from token_exchange_core.secret_strings import make_client_id, make_identifier, make_secret
from token_exchange_core.tokens import Claims


class AwayRouter:
    """Sends every query to a database that nobody can reach."""

    def db_for_write(self, model: Any, **_hints: Any) -> str:
        return "away"


@pytest.fixture
def key_set(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Any]:
    """The keys that this process has read before the database went away."""
    with django_db_blocker.unblock():
        yield signing_keys.key_set()
        connection.close_if_unusable_or_obsolete()


@pytest.fixture
def _database_away(key_set: Any, settings: Any) -> Iterator[None]:
    where = {"PORT": "1"} if connection.vendor == "postgresql" else {"NAME": "/nowhere/away.db"}
    connections.databases["away"] = {**connections.databases["default"], **where}
    settings.DATABASE_ROUTERS = [f"{__name__}.AwayRouter"]
    yield
    settings.DATABASE_ROUTERS = []
    connections["away"].close()
    del connections["away"], connections.databases["away"]


@pytest.fixture
def bearer(key_set: Any) -> str:
    now = int(time.time())
    claims = Claims(
        issuer="https://issuer.test",
        subject="sk_live.abc",
        audience=("https://issuer.test",),
        client_id="sk_live.abc",
        scopes=frozenset(),
        issued_at=now,
        expires_at=now + 60,
        jti="jti",
        organization_id="1",
        generation=1,
    )
    key = key_set.current
    return key.sign(tokens.signing_input(claims, kid=key.kid, algorithm=key.algorithm))


def authorization_of(scheme: str, bearer: str) -> str:
    if scheme == "Bearer":
        return f"Bearer {bearer}"
    if scheme == "ApiKey":
        return f"ApiKey {make_secret(make_identifier('sk_live')).raw_secret}"
    raw_secret = make_secret(make_identifier("cs_live")).raw_secret
    pair = f"{make_client_id('ci_live')}:{raw_secret}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


@pytest.mark.usefixtures("_database_away")
class TestDatabaseAway:
    @pytest.mark.parametrize("has_keys", [True, False])
    @pytest.mark.parametrize("scheme", ["Bearer", "ApiKey", "Basic"])
    def test_is_503(self, bearer, https_client, caplog, scheme, has_keys):
        """Also where only the keys are still in memory: revocation decides, and is not known."""
        if not has_keys:
            process_state.clear_caches()
        header = {"authorization": authorization_of(scheme, bearer)}
        answer = https_client.get("/keep", headers=header)
        assert answer.status_code == 503
        assert answer.json() == {
            "error": "temporarily_unavailable",
            "error_description": "The service is temporarily unavailable. Please try again later.",
        }
        assert answer["Cache-Control"] == "no-store, private, max-age=0"
        assert answer["Retry-After"] == "5"
        [record] = [each for each in caplog.records if each.name == "token_exchange"]
        event = "bearer.failed" if scheme == "Bearer" else "credential.failed"
        assert (record.event, record.levelno) == (event, logging.ERROR)
        assert record.event_fields["reason"] == "database_away"

    @pytest.mark.parametrize(
        "header", ["Bearer garbage", "ApiKey sk_live.garbage", "Basic YTpi", "Bearer", "Digest x"]
    )
    def test_what_needs_no_database_is_answered_without(self, https_client, header):
        answer = https_client.get("/keep", headers={"authorization": header})
        assert answer.status_code in {400, 401}
