"""``POST /v1/token``: exchange of an API key for an access token."""

from __future__ import annotations

import json

import jwt
import pytest
import time_machine
from django.utils import timezone

from tests.http.client import (
    assert_not_stored,
    assert_refused,
    stored_rows,
    verified_claims,
)
from tests.support.factories import api_key_header, make_api_key, make_organization, make_user
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00+00:00"  # after the first signing key was made
NOW_EPOCH = 1_893_499_200


class TestAnswer:
    def test_has_exactly_the_members_of_rfc_6749(self, exchange):
        response = exchange(make_api_key(scopes=["reports:write", "reports:read"]))
        body = response.json()
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert_not_stored(response)
        assert sorted(body) == ["access_token", "expires_in", "scope", "token_type"]
        assert body["token_type"] == "Bearer"
        assert type(body["expires_in"]) is int
        assert body["expires_in"] == 1800
        assert body["scope"] == "reports:read reports:write"

    def test_scope_of_a_key_without_scopes_is_an_empty_string(self, exchange):
        assert exchange(make_api_key()).json()["scope"] == ""

    def test_each_call_mints_a_new_token(self, exchange):
        key = make_api_key()
        tokens = {exchange(key).json()["access_token"] for _ in range(3)}
        assert len(tokens) == 3

    def test_nothing_stored_holds_the_token(self, exchange):
        token = exchange(make_api_key()).json()["access_token"]
        row = AccessToken.objects.get()
        assert row.signing_input == ""
        assert token.rpartition(".")[2] not in str(stored_rows())

    def test_its_row_says_which_of_the_keys_secrets_it_was_minted_for(self, exchange):
        key = make_api_key()
        rotated = credentials.rotate(key.credential, act=Act(now=timezone.now()))
        versions = []
        for each in (key, rotated):
            exchange(each)
            versions.append(AccessToken.objects.latest("pk").secret_version)
        assert versions == [1, 2]


class TestClaims:
    def test_follow_rfc_9068(self, exchange, https_client):
        organization = make_organization()
        key = make_api_key(organization=organization, scopes=["b", "a"])
        with time_machine.travel(NOW, tick=False):
            token = exchange(key).json()["access_token"]
            claims = verified_claims(https_client, token)
        row = AccessToken.objects.get()
        identifier = key.credential.identifier
        assert claims == {
            "iss": "https://issuer.test",
            "sub": identifier,
            "aud": "https://issuer.test",
            "client_id": identifier,
            "scope": "a b",
            "iat": NOW_EPOCH,
            "exp": NOW_EPOCH + 1800,
            "jti": row.jti,
            "org": str(organization.pk),
            "gen": 1,
        }
        assert jwt.get_unverified_header(token) == {
            "typ": "at+jwt",
            "alg": "EdDSA",
            "kid": signing_keys.key_set().current.kid,
        }

    def test_a_users_key_speaks_for_the_user(self, exchange, https_client):
        owner = make_user()
        key = make_api_key(owner=owner)
        claims = verified_claims(https_client, exchange(key).json()["access_token"])
        assert claims["sub"] == f"user:{owner.pk}"
        assert claims["client_id"] == key.credential.identifier

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
    def test_any_algorithm_verifies_from_the_published_keys(
        self, exchange, https_client, token_exchange_settings, algorithm
    ):
        token_exchange_settings(ALGORITHM=algorithm)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        token = exchange(make_api_key()).json()["access_token"]
        assert jwt.get_unverified_header(token)["alg"] == algorithm
        assert verified_claims(https_client, token)["gen"] == 1

    def test_the_issuer_is_never_the_requests_host(self, exchange, https_client):
        key = make_api_key()
        response = https_client.post("/v1/token", headers={**api_key_header(key), "host": "evil"})
        assert verified_claims(https_client, response.json()["access_token"])


class TestScope:
    @pytest.mark.parametrize(
        ("asked", "granted"),
        [("b", "b"), ("c a", "a c"), (" a  b ", "a b"), ("a a", "a"), ("c b a", "a b c")],
    )
    def test_narrows(self, exchange, https_client, asked, granted):
        body = exchange(make_api_key(scopes=["a", "b", "c"]), scope=asked).json()
        assert body["scope"] == granted
        assert verified_claims(https_client, body["access_token"])["scope"] == granted

    @pytest.mark.parametrize("asked", ["", " ", None])
    def test_of_nothing_is_all(self, exchange, asked):
        assert exchange(make_api_key(scopes=["a", "b"]), scope=asked).json()["scope"] == "a b"

    @pytest.mark.parametrize(
        "asked", ["z", "a z", "A", 'a"', "a\\", "a\tb", "a\nb", "é", "a\x00", "\ud800", "a,b"]
    )
    def test_beyond_or_malformed_is_refused(self, exchange, asked):
        key = make_api_key(scopes=["a", "b"])
        before = stored_rows()
        assert_refused(exchange(key, scope=asked), 400, "invalid_scope")
        assert stored_rows() == before

    @pytest.mark.parametrize("asked", [["a"], {"a": 1}, 1, True, 0, False, []])
    def test_that_is_no_string_is_refused(self, exchange, asked):
        key = make_api_key(scopes=["a"])
        assert_refused(exchange(key, scope=asked), 400, "invalid_request")


class TestAudience:
    @pytest.mark.parametrize(
        ("asked", "audience"),
        [
            ("https://a.test", "https://a.test"),
            (["https://a.test"], "https://a.test"),
            (["https://b.test", "https://a.test"], ["https://b.test", "https://a.test"]),
            (["https://a.test", "https://a.test"], "https://a.test"),
            (None, ["https://a.test", "https://b.test"]),
            ("", ["https://a.test", "https://b.test"]),
            ([], ["https://a.test", "https://b.test"]),
        ],
    )
    def test_is_what_was_asked_of_what_the_key_may(self, exchange, https_client, asked, audience):
        key = make_api_key(audience=["https://a.test", "https://b.test"])
        token = exchange(key, audience=asked).json()["access_token"]
        claims = verified_claims(https_client, token, audience="https://a.test")
        assert claims["aud"] == audience

    def test_may_be_repeated_in_a_form(self, exchange, https_client):
        key = make_api_key(audience=["https://a.test", "https://b.test"])
        response = https_client.post(
            "/v1/token",
            "audience=https%3A%2F%2Fb.test&audience=https%3A%2F%2Fa.test",
            content_type="application/x-www-form-urlencoded",
            headers=api_key_header(key),
        )
        token = response.json()["access_token"]
        claims = verified_claims(https_client, token, audience="https://a.test")
        assert claims["aud"] == ["https://b.test", "https://a.test"]

    def test_defaults_to_the_setting_and_that_to_the_issuer(
        self, exchange, https_client, token_exchange_settings
    ):
        key = make_api_key()
        assert exchange(key, audience="https://issuer.test").status_code == 200
        token_exchange_settings(AUDIENCE="https://api.test")
        token = exchange(key).json()["access_token"]
        assert verified_claims(https_client, token, audience="https://api.test")
        assert_refused(exchange(key, audience="https://issuer.test"), 400, "invalid_target")

    @pytest.mark.parametrize(
        "asked", ["https://c.test", ["https://a.test", "x"], "\ud800", "\x00", "https://a.test/"]
    )
    def test_beyond_the_keys_is_refused(self, exchange, asked):
        key = make_api_key(audience=["https://a.test"])
        before = stored_rows()
        assert_refused(exchange(key, audience=asked), 400, "invalid_target")
        assert stored_rows() == before

    @pytest.mark.parametrize("asked", [1, {}, {"a": 1}, [1], [[]], [""], ["x"] * 21, True, [None]])
    def test_that_is_no_list_of_strings_is_refused(self, exchange, asked):
        assert_refused(exchange(make_api_key(), audience=asked), 400, "invalid_request")


class TestOtherMembers:
    def test_are_ignored(self, exchange, https_client):
        key = make_api_key()
        generic = {"grant_type": "client_credentials", "client_id": "x", "resource": None}
        assert exchange(key, **generic, nested={"a": [1]}).status_code == 200
        form = generic | {"resource": ""}
        response = https_client.post("/v1/token", form, headers=api_key_header(key))
        assert response.status_code == 200

    def test_in_the_query_string_are_ignored(self, https_client):
        key = make_api_key(scopes=["a"])
        query = "?scope=z&expires_in=1&audience=x"
        response = https_client.post(f"/v1/token{query}", headers=api_key_header(key))
        assert json.loads(response.content)["expires_in"] == 1800
