"""The number of database queries of each request."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)
from token_exchange.issuer import credentials, revocation_feed, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange_core import process_state

NOW = "2030-01-01T12:00:00+00:00"


@pytest.fixture
def clock(transactional_db, elapsed):
    """Freeze the clocks, so that no cached copy becomes too old."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=["EdDSA", "RS256"])
def _algorithm(request, clock, token_exchange_settings):
    token_exchange_settings(ALGORITHM=request.param)
    signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))


def read_copies() -> None:
    """Fill the caches, as in a process that has served requests before."""
    revocation_feed.revocations()
    signing_keys.key_set()


def verbs(send) -> list[str]:
    """Return the first word of each query that ``send`` causes, in order."""
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
        read_copies()
        return lambda: https_client.post("/v1/token", headers=api_key_header(key))

    def test_one_select_and_one_insert(self, send, clock):
        assert verbs(send) == ["SELECT", "UPDATE", "INSERT"]
        for _ in range(3):
            clock.shift(19)
            assert verbs(send) == ["SELECT", "INSERT"]

    def test_one_update_a_minute(self, send, clock):
        send()
        clock.shift(59.9)
        assert verbs(send) == ["SELECT", "INSERT"]
        clock.shift(0.1)
        assert verbs(send) == ["SELECT", "UPDATE", "INSERT"]

    def test_the_keys_are_read_again_only_now_and_then(self, send, clock):
        send()
        signing_keys.expire_key_set()
        # Has the feed moved?
        assert verbs(send) == ["SELECT", "SELECT", "INSERT"]
        assert verbs(send) == ["SELECT", "INSERT"]
        process_state.clear_caches()
        assert verbs(send) == ["SELECT", "SELECT", "SELECT", "INSERT"]


@pytest.mark.usefixtures("_algorithm")
class TestAuthToken:
    @pytest.fixture
    def send(self, https_client, clock):
        app = make_client_app()
        read_copies()
        return lambda: https_client.post("/auth_token", headers=basic_header(app))

    def test_the_first_one_is_minted_under_the_credentials_lock(self, send):
        assert [verb for verb in verbs(send) if verb in {"SELECT", "UPDATE", "INSERT"}] == [
            *("SELECT", "UPDATE"),  # the client app and its token; the last use
            *("UPDATE", "SELECT", "INSERT"),  # the lock, a second look for a token, the new token
        ]

    def test_again_one_select_and_no_write(self, send, clock):
        send()
        for _ in range(3):
            clock.shift(19)
            assert verbs(send) == ["SELECT"]

    def test_again_with_the_minutes_use(self, send, clock):
        send()
        clock.shift(60)
        assert verbs(send) == ["SELECT", "UPDATE"]

    def test_again_with_many_old_tokens(self, send, clock):
        for _ in range(5):
            send()
            clock.shift(27_000)
        send()
        assert verbs(send) == ["SELECT"]


class TestPreviousSecret:
    def test_its_use_is_written_once_a_minute(self, https_client, clock):
        key = make_api_key()
        credentials.rotate(key.credential, overlap=timedelta(hours=1), act=Act(now=timezone.now()))
        read_copies()

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
        credentials.revoke(revoked.credential, act=Act(now=timezone.now()))
        credentials.rotate(wrong.credential, overlap=timedelta(0), act=Act(now=timezone.now()))
        unknown.credential.delete()
        for each in (unknown, revoked, wrong):
            headers = api_key_header(each)
            assert verbs(lambda sent=headers: https_client.post("/v1/token", headers=sent)) == [
                "SELECT"
            ]


class TestDelete:
    def test_who_it_is_and_then_the_feed_the_generation_and_its_row(self, https_client, clock):
        app = make_client_app()
        headers = basic_header(app)
        https_client.post("/auth_token", headers=headers)
        found = verbs(lambda: https_client.delete("/auth_token", headers=headers))
        # The former one, for the feed, for what comes after it, and the former one again.
        lock_timeouts = ["SELECT"] * (4 if connection.vendor == "postgresql" else 0)
        assert (
            [verb for verb in found if verb not in {"BEGIN", "SAVEPOINT", "RELEASE", "COMMIT"}]
            == [
                "SELECT",  # the client app
                "SELECT",  # whether it has a live token
                "SELECT",  # whether there is a row to update
                *lock_timeouts[:2],
                *("UPDATE", "SELECT", "INSERT"),  # the feed's next position and its mark
                *lock_timeouts[2:3],
                *("SELECT", "UPDATE"),  # the credential, and its next generation
                *("SELECT", "DELETE", "INSERT"),  # its row in the feed
                *lock_timeouts[3:],
                "INSERT",  # the audit event
            ]
        )


class TestPublishedKeys:
    def test_are_read_once(self, https_client, clock):
        read_copies()
        send = lambda: https_client.get("/.well-known/jwks.json")  # noqa: E731
        assert verbs(send) == []
        signing_keys.expire_key_set()
        assert verbs(send) == ["SELECT"]


class TestBearer:
    """The queries of a protected view before it does anything."""

    @pytest.fixture(autouse=True)
    def _views(self, settings):
        settings.ROOT_URLCONF = "tests.authentication.views"

    @pytest.fixture
    def show(self, https_client, clock):
        """Exchange a key, and return the header for its token."""

        def exchange_key(key):
            answer = https_client.post("/v1/token", headers=api_key_header(key))
            headers = bearer_header(answer.json()["access_token"])
            read_copies()
            return lambda: https_client.get("/bearer", headers=headers)

        return exchange_key

    def test_of_a_machine_asks_nothing(self, show):
        send = show(make_api_key())
        assert [verbs(send) for _ in range(3)] == [[], [], []]

    def test_of_a_user_asks_for_the_user(self, show):
        send = show(make_api_key(owner=make_user()))
        assert [verbs(send) for _ in range(3)] == [["SELECT"]] * 3

    def test_of_anybody_reads_the_copies_again_once_they_are_too_old(self, show, elapsed):
        send = show(make_api_key())
        elapsed.seconds += 0.999
        assert verbs(send) == []
        elapsed.seconds += 0.001
        # The feed's position, for the keys and for the revocations; the inactive organizations.
        assert verbs(send) == ["SELECT"] * 3
        assert verbs(send) == []

    def test_reads_of_the_feed_only_what_came_since(self, show, elapsed):
        send, other = show(make_api_key()), make_api_key()
        credentials.revoke(other.credential, act=Act(now=timezone.now()))
        # The position, its rows, the organizations; and the position once more, and the keys.
        assert verbs(send) == ["SELECT"] * 5
        elapsed.seconds += 1
        assert verbs(send) == ["SELECT"] * 3

    def test_with_no_age_asks_each_time(self, show, token_exchange_settings):
        token_exchange_settings(REVOCATION_MAX_AGE=0)
        send = show(make_api_key())
        assert [verbs(send) for _ in range(2)] == [["SELECT"] * 2] * 2


class TestDirectUse:
    @pytest.fixture(autouse=True)
    def _views(self, settings):
        settings.ROOT_URLCONF = "tests.authentication.views"

    @pytest.mark.parametrize("owner", [False, True])
    def test_of_a_key_is_one_select(self, https_client, clock, owner):
        headers = api_key_header(make_api_key(owner=make_user() if owner else None))
        https_client.get("/key", headers=headers)
        assert verbs(lambda: https_client.get("/key", headers=headers)) == ["SELECT"]

    def test_of_a_client_app_is_one_select(self, https_client, clock):
        headers = basic_header(make_client_app())
        https_client.get("/app", headers=headers)
        assert verbs(lambda: https_client.get("/app", headers=headers)) == ["SELECT"]
