"""``/auth_token``: exchange of a client id and secret, and revocation of the tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from django.utils import timezone

from tests.http.client import (
    assert_not_stored,
    assert_refused,
    post_json,
    stored_rows,
    verified_claims,
)
from tests.support.factories import basic_header, make_client_app, make_organization
from token_exchange.issuer import signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential
from token_exchange_core.errors import InvalidToken

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00.25+00:00"
NOW_EPOCH = 1_893_499_200


@pytest.fixture
def app():
    return make_client_app()


@pytest.fixture
def obtain(https_client):
    """Return ``obtain(app, header={})``, which posts its keyword arguments, if any, as JSON."""

    def post(app, **members):
        if members:
            return post_json(https_client, "/auth_token", members, basic_header(app))
        return https_client.post("/auth_token", headers=basic_header(app))

    return post


class TestAnswer:
    def test_has_exactly_the_documented_members(self, obtain, app, https_client):
        with time_machine.travel(NOW, tick=False):
            response = obtain(app)
            body = response.json()
            claims = verified_claims(https_client, body["access_token"]["token"])
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert_not_stored(response)
        assert sorted(body) == ["access_token", "success"]
        assert body["success"] is True
        assert sorted(body["access_token"]) == ["expiration", "expiration_dt", "token"]
        assert type(body["access_token"]["expiration"]) is int
        assert body["access_token"]["expiration"] == NOW_EPOCH + 28_800
        assert body["access_token"]["expiration_dt"] == "2030-01-01T20:00:00Z"
        assert claims["exp"] == NOW_EPOCH + 28_800
        assert claims["sub"] == claims["client_id"] == app.credential.identifier

    @pytest.mark.parametrize("zone", ["America/St_Johns", "Pacific/Auckland"])
    def test_expiration_dt_is_the_same_instant_in_utc(self, obtain, app, settings, zone):
        settings.TIME_ZONE = zone
        token = obtain(app).json()["access_token"]
        expiration = datetime.fromisoformat(token["expiration_dt"])
        assert expiration.tzinfo == UTC
        assert expiration.timestamp() == token["expiration"]

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
    def test_any_algorithm_verifies_from_the_published_keys(
        self, obtain, app, https_client, token_exchange_settings, algorithm
    ):
        token_exchange_settings(ALGORITHM=algorithm)
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        token = obtain(app).json()["access_token"]["token"]
        assert jwt.get_unverified_header(token)["alg"] == algorithm
        assert verified_claims(https_client, token)

    def test_scope_and_audience_are_all_that_the_client_has(self, obtain, https_client):
        app = make_client_app(scopes=["b", "a"], audience=["https://a.test", "https://b.test"])
        token = obtain(app, scope="a", audience="https://a.test").json()["access_token"]["token"]
        claims = verified_claims(https_client, token, audience="https://b.test")
        assert claims["scope"] == "a b"
        assert claims["aud"] == ["https://a.test", "https://b.test"]


class TestLifetime:
    @pytest.mark.parametrize(
        ("organization", "credential", "lifetime"),
        [
            ({}, {}, 28_800),
            ({"default_token_lifetime": timedelta(hours=3)}, {}, 10_800),
            (
                {"default_token_lifetime": timedelta(hours=3)},
                {"token_lifetime": timedelta(hours=5)},
                18_000,
            ),
            (
                {"max_token_lifetime": timedelta(hours=1)},
                {"token_lifetime": timedelta(hours=5)},
                3600,
            ),
            ({"max_token_lifetime": timedelta(hours=1)}, {}, 3600),
        ],
    )
    def test_credential_comes_before_organization_before_setting(
        self, obtain, organization, credential, lifetime
    ):
        app = make_client_app(organization=make_organization(**organization), **credential)
        with time_machine.travel(NOW, tick=False):
            assert obtain(app).json()["access_token"]["expiration"] == NOW_EPOCH + lifetime

    def test_the_default_is_a_setting(self, obtain, app, token_exchange_settings):
        token_exchange_settings(CLIENT_APP_TOKEN_LIFETIME=7200)
        with time_machine.travel(NOW, tick=False):
            assert obtain(app).json()["access_token"]["expiration"] == NOW_EPOCH + 7200

    def test_the_last_second_of_a_credential_is_refused_as_expired(self, obtain):
        with time_machine.travel(NOW, tick=False) as clock:
            app = make_client_app(expires_at=timezone.now() + timedelta(minutes=10))
            clock.shift(599.5)
            last_second = obtain(app)
            clock.shift(0.5)
            expired = obtain(app)
        assert_refused(last_second, 401, "invalid_client")
        assert last_second.content == expired.content
        assert not AccessToken.objects.exists()


class TestReference:
    @pytest.mark.parametrize(
        "reference", ["order 1", "", "é", "x" * 255, "\x00", "<b>", "\U0001f600"]
    )
    def test_is_echoed(self, obtain, app, reference):
        assert obtain(app, header={"reference": reference}).json()["reference"] == reference

    @pytest.mark.parametrize(
        "members",
        [
            {"header": {}},
            {"header": None},
            {"header": {"reference": None}},
            {"reference": "elsewhere"},
            {
                "header": {
                    "created": 1,
                    "app_handle": "a",
                    "auth_handle": ["b"],
                    "version": 1.0,
                    "other": None,
                }
            },
        ],
    )
    def test_is_absent_unless_it_was_sent(self, obtain, app, members):
        assert sorted(obtain(app, **members).json()) == ["access_token", "success"]

    @pytest.mark.parametrize("reference", [1, 1.5, True, [], {}, ["a"], "x" * 256, "\ud800"])
    def test_that_is_no_short_text_is_refused(self, obtain, app, reference):
        before = stored_rows()
        assert_refused(obtain(app, header={"reference": reference}), 400, "invalid_request")
        assert stored_rows() == before

    @pytest.mark.parametrize("header", ["a", 1, [], [{"reference": "a"}], True, ""])
    def test_the_header_must_be_an_object(self, obtain, app, header):
        assert_refused(obtain(app, header=header), 400, "invalid_request")

    def test_is_no_part_of_what_is_used_again(self, obtain, app):
        first = obtain(app, header={"reference": "a"}).json()
        second = obtain(app, header={"reference": "b"}).json()
        assert (first.pop("reference"), second.pop("reference")) == ("a", "b")
        assert first == second


class TestDelete:
    @pytest.fixture
    def delete(self, https_client, app):
        return lambda **extra: https_client.delete(
            "/auth_token", headers=basic_header(app), **extra
        )

    def test_says_success_and_nothing_else(self, delete):
        response = delete()
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert json.loads(response.content) == {"success": True}
        assert_not_stored(response)

    def test_ends_every_live_token_of_the_client_and_no_other(self, obtain, app, delete):
        other = make_client_app()
        mine = obtain(app).json()["access_token"]["token"]
        others = obtain(other).json()["access_token"]["token"]
        delete()
        with pytest.raises(InvalidToken):
            tokens.verify_access_token(mine, now=timezone.now().timestamp())
        assert tokens.verify_access_token(others, now=timezone.now().timestamp())

    def test_the_next_token_is_a_new_one_that_works(self, obtain, app, delete, https_client):
        old = obtain(app).json()["access_token"]["token"]
        delete()
        new = obtain(app).json()["access_token"]["token"]
        assert new != old
        assert verified_claims(https_client, new)["gen"] == 2
        assert tokens.verify_access_token(new, now=timezone.now().timestamp())
        assert obtain(app).json()["access_token"]["token"] == new

    def test_writes_nothing_the_second_time(self, obtain, delete, app):
        obtain(app)
        assert delete().status_code == 200
        before = stored_rows()
        assert [delete().status_code for _ in range(2)] == [200, 200]
        assert stored_rows() == before
        assert Credential.objects.get().generation == 2

    def test_needs_the_credential(self, https_client, app):
        before = stored_rows()
        assert_refused(https_client.delete("/auth_token"), 401, "invalid_client")
        assert stored_rows() == before

    @pytest.mark.parametrize("body", ["", "{", "{}", "\x00", "[" * 9999])
    def test_does_not_look_at_a_body(self, delete, body):
        assert delete(data=body, content_type="application/json").status_code == 200
