"""Lifetimes of API keys' tokens, and requests for other ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.http.client import assert_refused, stored_rows, verified_claims
from tests.support.factories import make_api_key, make_organization
from token_exchange.models import AccessToken, Organization

pytestmark = pytest.mark.django_db

NOW = "2030-01-01T12:00:00+00:00"  # after the first signing key was made


class TestLifetime:
    def test_default_is_half_an_hour_unless_a_setting_says_else(
        self, exchange, token_exchange_settings
    ):
        key = make_api_key()
        assert exchange(key).json()["expires_in"] == 1800
        token_exchange_settings(API_KEY_TOKEN_LIFETIME=900)
        assert exchange(key).json()["expires_in"] == 900

    def test_credential_comes_before_organization_before_setting(self, exchange):
        organization = make_organization(default_token_lifetime=timedelta(seconds=1200))
        plain = make_api_key(organization=organization)
        own = make_api_key(organization=organization, token_lifetime=timedelta(seconds=600))
        assert exchange(plain).json()["expires_in"] == 1200
        assert exchange(own).json()["expires_in"] == 600

    @pytest.mark.parametrize("lifetime", [timedelta(hours=2), None])
    def test_the_organizations_maximum_caps_every_lifetime(self, exchange, lifetime):
        organization = make_organization(max_token_lifetime=timedelta(minutes=10))
        key = make_api_key(organization=organization, token_lifetime=lifetime)
        assert exchange(key).json()["expires_in"] == 600

    def test_the_settings_maximum_caps_every_lifetime(self, exchange, token_exchange_settings):
        key = make_api_key(token_lifetime=timedelta(hours=2))
        token_exchange_settings(MAX_TOKEN_LIFETIME=3000)
        assert exchange(key).json()["expires_in"] == 3000

    def test_no_token_outlives_its_credential(self, exchange, https_client):
        with time_machine.travel(NOW, tick=False) as clock:
            expires_at = timezone.now() + timedelta(minutes=10)
            key = make_api_key(expires_at=expires_at)
            clock.shift(0.5)
            body = exchange(key).json()
            claims = verified_claims(https_client, body["access_token"])
        assert body["expires_in"] == 599
        assert claims["exp"] <= expires_at.timestamp()

    def test_the_last_second_of_a_credential_is_refused_as_expired(self, exchange):
        with time_machine.travel(NOW, tick=False) as clock:
            key = make_api_key(expires_at=timezone.now() + timedelta(minutes=10))
            clock.shift(599.5)
            last_second = exchange(key)
            clock.shift(0.5)
            expired = exchange(key)
        assert assert_refused(last_second, 401, "invalid_client") == "Invalid API Key"
        assert last_second.content == expired.content
        assert not AccessToken.objects.exists()


class TestExpiresIn:
    @pytest.mark.parametrize("asked", [1, 600, "600", 86_400])
    def test_is_granted_up_to_the_ceiling(self, exchange, https_client, asked):
        body = exchange(make_api_key(), expires_in=asked).json()
        claims = verified_claims(https_client, body["access_token"])
        assert body["expires_in"] == int(asked)
        assert claims["exp"] - claims["iat"] == int(asked)

    @pytest.mark.parametrize("asked", [None, ""])
    def test_of_nothing_is_the_default(self, exchange, asked):
        assert exchange(make_api_key(), expires_in=asked).json()["expires_in"] == 1800

    @pytest.mark.parametrize(
        "asked",
        [
            *(0, -1, 1800.0, 1e300, True, False, [], {}, [60]),
            *("0", "-1", "1.5", "1e3", " 60", "\uff16\uff10", "x", "9" * 30, "0x10", "1_000"),
        ],
    )
    def test_that_is_no_whole_number_of_seconds_is_refused(self, exchange, asked):
        key = make_api_key()
        before = stored_rows()
        description = assert_refused(exchange(key, expires_in=asked), 400, "invalid_request")
        assert "expires_in" in description
        assert stored_rows() == before

    @pytest.mark.parametrize("asked", [86_401, 10**9, 10**40, "99999999"])
    def test_beyond_the_ceiling_names_the_maximum(self, exchange, asked):
        description = assert_refused(
            exchange(make_api_key(), expires_in=asked), 400, "invalid_request"
        )
        assert "86400" in description

    def test_beyond_the_organizations_maximum_names_that(self, exchange):
        organization = make_organization(max_token_lifetime=timedelta(minutes=10))
        key = make_api_key(organization=organization)
        description = assert_refused(exchange(key, expires_in=601), 400, "invalid_request")
        assert "600" in description
        assert exchange(key, expires_in=600).json()["expires_in"] == 600
        Organization.objects.update(max_token_lifetime=None)
        assert exchange(key, expires_in=601).json()["expires_in"] == 601

    def test_beyond_the_credentials_end_names_what_is_left(self, exchange):
        with time_machine.travel(NOW, tick=False):
            key = make_api_key(expires_at=timezone.now() + timedelta(minutes=10))
            description = assert_refused(exchange(key, expires_in=601), 400, "invalid_request")
        assert "600" in description
