"""How many queries does each request cost?"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import api_key_header, basic_header, make_api_key, make_client_app, make_user
from token_exchange import credentials, exchange, signing
from token_exchange.models import AccessToken

NOW = "2030-01-01T12:00:00+00:00"


@pytest.fixture
def clock(transactional_db):
    """A frozen clock, and a process that has read its keys."""
    with time_machine.travel(NOW, tick=False) as traveller:
        signing.forget_key_set()
        signing.key_set()
        yield traveller


@pytest.fixture(params=["EdDSA", "RS256"])
def _algorithm(request, transactional_db, token_exchange_settings):
    token_exchange_settings(ALGORITHM=request.param)
    signing.rotate_signing_key(now=timezone.now(), all_new=True)


def verbs(send) -> list[str]:
    """The first word of each query that ``send`` causes, in order."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = send()
    assert response.status_code in {200, 401}, response.content
    return [query["sql"].split()[0] for query in captured]


@pytest.mark.usefixtures("_algorithm")
class TestExchange:
    @pytest.fixture
    def send(self, https_client, clock):
        key = make_api_key(owner=make_user())
        return lambda: https_client.post("/v1/token", headers=api_key_header(key))

    def test_one_select_and_one_insert(self, send, clock):
        assert verbs(send) == ["SELECT", "UPDATE", "INSERT"]
        for _ in range(3):
            clock.shift(19)
            signing.key_set()
            assert verbs(send) == ["SELECT", "INSERT"]

    def test_one_update_a_minute(self, send, clock):
        send()
        clock.shift(59.9)
        signing.key_set()
        assert verbs(send) == ["SELECT", "INSERT"]
        clock.shift(0.1)
        assert verbs(send) == ["SELECT", "UPDATE", "INSERT"]

    def test_the_keys_are_read_again_only_now_and_then(self, send, clock):
        send()
        signing.forget_key_set()
        assert verbs(send) == ["SELECT", "SELECT", "INSERT"]
        assert verbs(send) == ["SELECT", "INSERT"]


@pytest.mark.usefixtures("_algorithm")
class TestAuthToken:
    @pytest.fixture
    def send(self, https_client, clock):
        app = make_client_app()
        return lambda: https_client.post("/auth_token", headers=basic_header(app))

    def test_the_first_one_is_minted_under_the_credentials_lock(self, send):
        assert [verb for verb in verbs(send) if verb in {"SELECT", "UPDATE", "INSERT"}] == [
            *("SELECT", "UPDATE", "SELECT"),  # who, the minute's use, is there a token?
            *("UPDATE", "SELECT", "INSERT"),  # the lock, has somebody been faster? the token
        ]

    def test_again_two_selects_and_no_write(self, send, clock):
        send()
        for _ in range(3):
            clock.shift(19)
            signing.key_set()
            assert verbs(send) == ["SELECT", "SELECT"]

    def test_again_with_the_minutes_use(self, send, clock):
        send()
        clock.shift(60)
        signing.key_set()
        assert verbs(send) == ["SELECT", "UPDATE", "SELECT"]

    def test_again_with_many_old_tokens(self, send, clock):
        for _ in range(5):
            send()
            clock.shift(27_000)
        signing.key_set()
        send()
        assert verbs(send) == ["SELECT", "SELECT"]


class TestPreviousSecret:
    def test_its_use_is_written_once_a_minute(self, https_client, clock):
        key = make_api_key()
        credentials.rotate(key.credential, now=timezone.now(), overlap=timedelta(hours=1))

        def send():
            return https_client.post("/v1/token", headers=api_key_header(key))

        assert verbs(send) == ["SELECT", "UPDATE", "INSERT"]
        assert verbs(send) == ["SELECT", "INSERT"]


class TestRefusal:
    @pytest.mark.parametrize("raw_secret", ["sk_live.x", ""])
    def test_a_malformed_key_asks_nothing(self, https_client, clock, raw_secret):
        headers = {"authorization": f"ApiKey {raw_secret}"}
        assert verbs(lambda: https_client.post("/v1/token", headers=headers)) == []

    def test_an_unknown_a_revoked_and_a_wrong_one_ask_the_same(self, https_client, clock):
        unknown, revoked, wrong = make_api_key(), make_api_key(), make_api_key()
        credentials.revoke(revoked.credential, now=timezone.now())
        credentials.rotate(wrong.credential, now=timezone.now(), overlap=timedelta(0))
        unknown.credential.delete()
        for each in (unknown, revoked, wrong):
            headers = api_key_header(each)
            assert verbs(lambda sent=headers: https_client.post("/v1/token", headers=sent)) == [
                "SELECT"
            ]


class TestDelete:
    def test_one_select_and_one_update_beside_the_minutes_use(self, https_client, clock):
        app = make_client_app()
        headers = basic_header(app)
        https_client.delete("/auth_token", headers=headers)
        found = verbs(lambda: https_client.delete("/auth_token", headers=headers))
        assert [verb for verb in found if verb in {"SELECT", "UPDATE", "INSERT"}] == [
            *("SELECT", "UPDATE")
        ]


class TestPublishedKeys:
    def test_are_read_once(self, https_client, clock):
        send = lambda: https_client.get("/.well-known/jwks.json")  # noqa: E731
        assert verbs(send) == []
        signing.forget_key_set()
        assert verbs(send) == ["SELECT"]


@pytest.mark.skipif(not hasattr(models, "FETCH_RAISE"), reason="Django 6.1 brought FETCH_RAISE")
class TestNothingIsFetchedLate:
    def test_by_a_signed_in_token(self, https_client, clock):
        """The one query of verification brings the owner and the organization along."""
        key = make_api_key(owner=make_user())
        token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
        rows = AccessToken.objects.fetch_mode(models.FETCH_RAISE)
        claims = exchange.verify_access_token(token, now=timezone.now().timestamp()).claims
        assert rows.check_alive(claims) == key.credential.owner
