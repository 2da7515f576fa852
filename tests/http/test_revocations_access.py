"""``GET /v1/revocations``: access, cost and confidentiality."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.http.client import assert_refused
from tests.http.follower import EPOCH, MARK, write_feed
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

PATH = "/v1/revocations"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class TestAccess:
    def test_needs_the_scope(self, https_client):
        for scopes in ([], ["revocations", f"{REVOCATIONS_SCOPE}x", "token_exchange"]):
            key = make_api_key(scopes=[])
            # As if a project had bypassed the validation.
            Credential.objects.filter(pk=key.credential.pk).update(scopes=scopes)
            response = https_client.get(PATH, headers=api_key_header(key))
            description = assert_refused(response, 403, "insufficient_scope")
            assert description == f"The API key needs the scope {REVOCATIONS_SCOPE}."
            assert "WWW-Authenticate" not in response

    @pytest.mark.parametrize(
        ("related", "policy"),
        [
            ("", {"revoked_at": LONG_AGO}),
            ("", {"expires_at": LONG_AGO}),
            ("", {"allowed_networks": ["192.0.2.0/24"]}),
            ("organization", {"is_active": False}),
            ("owner", {"is_active": False}),
        ],
    )
    def test_needs_a_key_that_is_good(self, https_client, related, policy):
        key = make_api_key(scopes=[REVOCATIONS_SCOPE], owner=make_user())
        assert https_client.get(PATH, headers=api_key_header(key)).status_code == 200
        row = key.credential
        if related:
            row = getattr(row, related)
        type(row)._base_manager.filter(pk=row.pk).update(**policy)
        response = https_client.get(PATH, headers=api_key_header(key))
        assert assert_refused(response, 401, "invalid_client") == "Invalid API Key"
        assert response["WWW-Authenticate"] == 'ApiKey realm="token_exchange"'

    def test_needs_a_key_and_nothing_else(self, https_client, feed_key, exchange):
        app = make_client_app(scopes=[REVOCATIONS_SCOPE])
        token = exchange(feed_key).json()["access_token"]
        expected = "The Authorization header must use the ApiKey scheme"
        for headers in (basic_header(app), bearer_header(token)):
            response = https_client.get(PATH, headers=headers)
            assert assert_refused(response, 401, "invalid_client") == expected
        response = https_client.get(PATH)
        assert assert_refused(response, 401, "invalid_client") == "Authorization header required"
        assert response["WWW-Authenticate"] == 'ApiKey realm="token_exchange"'

    def test_a_secret_from_before_the_rotation_is_good_for_a_while(self, https_client, feed_key):
        credentials.rotate(
            feed_key.credential, overlap=timedelta(hours=1), act=Act(now=timezone.now())
        )
        assert https_client.get(PATH, headers=api_key_header(feed_key)).status_code == 200

    def test_needs_https(self, feed_key):
        response = Client().get(PATH, headers=api_key_header(feed_key))
        assert_refused(response, 400, "invalid_request")

    @pytest.mark.usefixtures("still_clock")
    def test_failures_count_by_address(self, https_client, get_feed, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"failure": "2/m"})
        wrong = {"authorization": "ApiKey x"}
        answers = [https_client.get(PATH, headers=wrong).status_code for _ in range(3)]
        assert answers == [401, 401, 429]
        assert [get_feed().status_code for _ in range(3)] == [200, 200, 200]


class TestQueries:
    def count(self, get_feed, **parameters):
        with CaptureQueriesContext(connection) as captured:
            assert get_feed(**parameters).status_code == 200
        return len(captured)

    def test_five_and_a_sixth_where_there_is_more(self, get_feed):
        """The key; the position; the rows after it; inactive subjects; whether there are more."""
        get_feed()  # stores the last use of the key
        assert self.count(get_feed) == 5
        write_feed([2501, 2500, 1])
        assert self.count(get_feed, epoch=EPOCH, after=3, mark=f"3.{MARK}") == 5
        assert self.count(get_feed, epoch=EPOCH, after=1, mark=f"3.{MARK}") == 5
        assert self.count(get_feed) == 6


def test_no_secret_is_told_or_logged(get_feed, feed_key, caplog):
    caplog.set_level(0)
    others = [make_api_key(scopes=[REVOCATIONS_SCOPE]), make_client_app()]
    for each in others:
        credentials.revoke(each.credential, act=Act(now=timezone.now(), reason="a-reason"))
    told = (
        get_feed().content.decode() + get_feed({"if-none-match": "x"}, after="x").content.decode()
    )
    for each in (feed_key, *others):
        row = Credential.objects.get(pk=each.credential.pk)
        for private in (each.raw_secret, row.secret_digest, row.name, "a-reason"):
            assert private not in told
        assert each.raw_secret not in caplog.text
