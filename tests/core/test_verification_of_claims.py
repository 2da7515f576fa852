"""TokenVerifier: each rule for claims, with a token that breaks only this one."""

from __future__ import annotations

import json

import pytest

from tests.support.claims import CLAIMS, PAYLOAD
from tests.support.forged_tokens import (
    HEADER,
    NOW,
    OTHER_KEY,
    make_token,
    make_verifier,
    reason_for,
)
from token_exchange_core.errors import ExpiredToken
from token_exchange_core.revocation_set import Revocation, RevocationKind, RevocationSet


class TestClaims:
    @pytest.mark.parametrize(
        "issuer", ["", "https://issuer.test/", "https://ISSUER.test", "http://issuer.test", None]
    )
    def test_issuer_must_be_exactly_ours(self, issuer):
        """RFC 9068, section 4; a trailing slash counts."""
        token = make_token(payload={**PAYLOAD, "iss": issuer})
        assert reason_for(token) in {"wrong_issuer", "claim_iss"}

    @pytest.mark.parametrize(
        "audience",
        [
            "https://other.test",
            "https://api.test/",
            "https://api",
            [],
            None,
            ["x", "y"],
            "https://api.test https://other.test",
        ],
    )
    def test_audience_must_name_us(self, audience):
        token = make_token(payload={**PAYLOAD, "aud": audience})
        assert reason_for(token) in {"wrong_audience", "claim_aud"}

    @pytest.mark.parametrize("name", sorted(PAYLOAD))
    def test_each_claim_is_required(self, name):
        payload = {key: value for key, value in PAYLOAD.items() if key != name}
        assert reason_for(make_token(payload=payload)) == f"claim_{name}"

    @pytest.mark.parametrize("payload", [b"[" * 4000, b"\xff", b"{}", b"[]", b"null"])
    def test_signed_but_no_claims(self, payload):
        assert reason_for(make_token(payload=payload)).startswith(("malformed_claims", "claim_"))

    def test_repeated_claim(self):
        payload = json.dumps(PAYLOAD).replace('"gen": 3', '"gen": 3, "sub": "user:1"').encode()
        assert reason_for(make_token(payload=payload)) == "malformed_claims"

    def test_not_yet_valid(self):
        token = make_token(payload={**PAYLOAD, "nbf": NOW + 10})
        assert reason_for(token, now=NOW + 9.99) == "not_yet_valid"
        assert make_verifier().verify(token, now=NOW + 10).not_before == NOW + 10

    def test_not_yet_valid_within_the_leeway(self):
        token = make_token(payload={**PAYLOAD, "nbf": NOW + 10})
        verifier = make_verifier(leeway_seconds=5)
        assert reason_for(token, now=NOW + 4.9, verifier=verifier) == "not_yet_valid"
        assert verifier.verify(token, now=NOW + 5)


class TestExpiry:
    def test_dead_from_that_second_on(self):
        """RFC 7519, section 4.1.4: *on* or after."""
        token = make_token()
        assert make_verifier().verify(token, now=CLAIMS.expires_at - 0.001)
        with pytest.raises(ExpiredToken) as refused:
            make_verifier().verify(token, now=CLAIMS.expires_at)
        assert refused.value.description == "The auth token provided has expired."
        assert (refused.value.status, refused.value.error) == (401, "invalid_token")

    def test_leeway(self):
        verifier = make_verifier(leeway_seconds=30)
        assert verifier.verify(make_token(), now=CLAIMS.expires_at + 29.9)
        with pytest.raises(ExpiredToken):
            verifier.verify(make_token(), now=CLAIMS.expires_at + 30)

    @pytest.mark.parametrize(
        "token",
        [
            make_token(key=OTHER_KEY),
            make_token({**HEADER, "typ": "JWT"}),
            make_token({**HEADER, "kid": "unknown"}),
            make_token(payload={**PAYLOAD, "iss": "https://other.test"}),
            make_token(payload={**PAYLOAD, "aud": "https://other.test"}),
            make_token(payload={**PAYLOAD, "jti": ""}),
        ],
    )
    def test_told_only_when_all_else_verifies(self, token):
        assert reason_for(token, now=CLAIMS.expires_at + 1)

    def test_revoked_and_expired_is_revoked(self):
        revoked = RevocationSet()
        revoked.add([Revocation(kind=RevocationKind.TOKEN, subject=CLAIMS.jti, expires_at=NOW)])
        verifier = make_verifier(revocations=lambda: revoked)
        assert reason_for(make_token(), now=CLAIMS.expires_at, verifier=verifier) == "token_revoked"

    @pytest.mark.parametrize("expires_at", [-1, 0])
    def test_long_ago(self, expires_at):
        with pytest.raises(ExpiredToken):
            make_verifier().verify(make_token(payload={**PAYLOAD, "exp": expires_at}), now=NOW)

    @pytest.mark.parametrize("expires_at", [10**12, 10**99, 10**400, -(10**300)])
    def test_at_a_time_that_no_calendar_has(self, expires_at):
        assert reason_for(make_token(payload={**PAYLOAD, "exp": expires_at})) == "claim_exp"
