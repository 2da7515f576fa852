"""A resource server's verifier: built from the settings, once per process."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.claims import PAYLOAD
from tests.support.fake_issuer import (
    FEED_PATH,
    JWKS_PATH,
    WAIT_SECONDS,
    Issuer,
    Reply,
    jwks,
    page,
)
from tests.support.forged_tokens import KEY, OTHER_KEY, make_token
from token_exchange.conf import get_verifier
from token_exchange.resource_server.verifier import check_sources, verify_access_token
from token_exchange_core.errors import ExpiredToken, InvalidToken, TemporarilyUnavailable

NOW = PAYLOAD["iat"]


@pytest.fixture(autouse=True)
def _resource_server(settings: Any, issuer: Issuer) -> None:
    settings.TOKEN_EXCHANGE = {
        "ISSUER": issuer.url,
        "AUDIENCE": PAYLOAD["aud"],
        "MODE": "resource-server",
        "REVOCATIONS_API_KEY": "sk_live.hidden",
        "REMOTE_TIMEOUT": WAIT_SECONDS,
    }
    issuer.says(JWKS_PATH, jwks(KEY))
    issuer.says(FEED_PATH, page(as_of=int(time.time())))


def token_of(issuer: Issuer, **claims: Any) -> str:
    return make_token(payload={**PAYLOAD, "iss": issuer.url, **claims})


class TestVerifyAccessToken:
    def test_is_what_the_mode_names(self):
        assert get_verifier() is verify_access_token

    def test_claims_and_nobody_who_owns_them(self, issuer):
        verified = verify_access_token(token_of(issuer, sub="user:7"), now=NOW)
        assert (verified.claims.user_id, verified.owner) == ("7", None)

    def test_expired(self, issuer):
        with pytest.raises(ExpiredToken):
            verify_access_token(token_of(issuer), now=PAYLOAD["exp"])

    def test_the_issuer_is_asked_once_for_many(self, issuer):
        for number in range(5):
            verify_access_token(token_of(issuer, jti=str(number)), now=NOW)
        assert issuer.asked(JWKS_PATH) == 1

    def test_other_urls(self, issuer, token_exchange_settings):
        token_exchange_settings(
            JWKS_URL=f"{issuer.url}/keys", REVOCATIONS_URL=f"{issuer.url}/revoked"
        )
        issuer.says("/keys", jwks(OTHER_KEY))
        issuer.says("/revoked", page(as_of=int(time.time())))
        with pytest.raises(InvalidToken) as refused:
            verify_access_token(token_of(issuer), now=NOW)
        assert refused.value.reason == "unknown_kid"
        assert (issuer.asked("/keys"), issuer.asked(JWKS_PATH)) == (2, 0)

    def test_changed_settings_make_another_verifier(self, issuer, token_exchange_settings):
        verify_access_token(token_of(issuer), now=NOW)
        token_exchange_settings(AUDIENCE="https://other.test")
        with pytest.raises(InvalidToken) as refused:
            verify_access_token(token_of(issuer), now=NOW)
        assert refused.value.reason == "wrong_audience"

    def test_any_changed_setting_makes_another_verifier(self, issuer, settings):
        for _ in range(2):
            verify_access_token(token_of(issuer), now=NOW)
        assert issuer.asked(JWKS_PATH) == 1
        settings.LANGUAGE_CODE = "de"
        verify_access_token(token_of(issuer), now=NOW)
        assert issuer.asked(JWKS_PATH) == 2


class TestCheckSources:
    def test_asks_what_the_first_token_then_need_not(self, issuer):
        check_sources()
        verify_access_token(token_of(issuer), now=NOW)
        assert issuer.asked(JWKS_PATH) == 1

    def test_issuer_is_away(self, issuer):
        issuer.says(FEED_PATH, Reply(status=503))
        with pytest.raises(TemporarilyUnavailable):
            check_sources()
