"""Remote keys and revocations, fetched from the real endpoints."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from tests.support.factories import api_key_header, make_api_key, make_user
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange_core.errors import InvalidToken, TemporarilyUnavailable
from token_exchange_core.remote import remote_verifier
from token_exchange_core.scopes import REVOCATIONS_SCOPE
from token_exchange_core.verification import TokenVerifier


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@pytest.fixture
def issuer(live_server: Any, token_exchange_settings: Any, transactional_db: Any) -> str:
    signing_keys.ensure_first_key(using="default", act=Act(now=timezone.now()))
    token_exchange_settings(ISSUER=live_server.url, REQUIRE_HTTPS=False, REVOCATION_MAX_AGE=0)
    return live_server.url


@pytest.fixture
def verifier(issuer: str) -> TokenVerifier:
    return make(issuer)


def make(issuer: str, *scopes: str) -> TokenVerifier:
    key = make_api_key(scopes=list(scopes or [REVOCATIONS_SCOPE]))
    return remote_verifier(
        issuer=issuer,
        audience=issuer,
        revocations_api_key=key.raw_secret,
        max_age_seconds=0,
        timeout_seconds=10,
    )


def exchange(https_client: Any, issued: Any) -> str:
    answer = https_client.post("/v1/token", headers=api_key_header(issued))
    return answer.json()["access_token"]


def reason_for(verifier: TokenVerifier, token: str) -> str | None:
    try:
        verifier.verify(token, now=time.time())
    except InvalidToken as refusal:
        return refusal.reason
    return None


class TestRealIssuer:
    def test_revocation_of_a_credential(self, verifier, https_client):
        """The first one ever, which brings the feed its epoch, and the next."""
        for _ in range(2):
            issued = make_api_key()
            token = exchange(https_client, issued)
            assert [reason_for(verifier, token) for _ in range(3)] == [None] * 3
            credentials.revoke(issued.credential, act=Act(now=timezone.now()))
            assert [reason_for(verifier, token) for _ in range(3)] == ["credential_revoked"] * 3

    def test_inactive_owner_and_organization(self, verifier, https_client):
        owner = make_user()
        issued = make_api_key(owner=owner)
        token = exchange(https_client, issued)
        organization = issued.credential.organization
        for row, reason in [(owner, "owner_inactive"), (organization, "organization_inactive")]:
            for is_active, expected in [(True, None), (False, reason), (True, None)]:
                row.is_active = is_active
                row.save()
                assert reason_for(verifier, token) == expected

    def test_new_signing_key_is_known_at_once(self, verifier, https_client):
        old = exchange(https_client, make_api_key())
        assert reason_for(verifier, old) is None
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        new = exchange(https_client, make_api_key())
        assert reason_for(verifier, new) is None
        assert reason_for(verifier, old) in {"unknown_kid", "signing_key_removed"}

    def test_key_without_the_scope_learns_nothing(self, issuer, https_client):
        token = exchange(https_client, make_api_key())
        with pytest.raises(TemporarilyUnavailable):
            make(issuer, "reports:read").verify(token, now=time.time())
