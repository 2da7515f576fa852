"""RevocationSet: which tokens are revoked, and for how long."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.claims import CLAIMS
from token_exchange_core.errors import InvalidToken
from token_exchange_core.revocation_set import Revocation, RevocationKind, RevocationSet

KID = "kid"
NOW = 1_700_000_000
USERS = dataclasses.replace(CLAIMS, subject="user:7")


def revoked(kind: str, subject: str, **values) -> Revocation:
    return Revocation(
        **{"kind": RevocationKind(kind), "subject": subject, "expires_at": NOW, **values}
    )


def reason_for(revocations: RevocationSet, claims=CLAIMS) -> str | None:
    try:
        revocations.check(claims, kid=KID)
    except InvalidToken as error:
        return error.reason
    return None


@pytest.fixture
def revocations():
    return RevocationSet()


class TestCheck:
    def test_nothing_is_revoked_at_first(self, revocations):
        assert reason_for(revocations) is None
        assert len(revocations) == 0

    @pytest.mark.parametrize(
        ("kind", "subject", "reason"),
        [
            ("token", CLAIMS.jti, "token_revoked"),
            ("credential", CLAIMS.client_id, "credential_revoked"),
            ("user", "7", "owner_gone"),
            ("signing_key", KID, "signing_key_removed"),
        ],
    )
    def test_each_kind_ends_its_own_subject_alone(self, revocations, kind, subject, reason):
        for other in RevocationKind:
            if other != kind:
                revocations.add([revoked(other, subject)])
        revocations.add([revoked(kind, f"{subject}x"), revoked(kind, subject.swapcase() + "x")])
        assert reason_for(revocations, USERS) is None
        revocations.add([revoked(kind, subject)])
        assert reason_for(revocations, USERS) == reason

    @pytest.mark.parametrize(
        ("generation", "reason"),
        [
            (CLAIMS.generation - 1, None),
            (CLAIMS.generation, "generation_ended"),
            (CLAIMS.generation + 1, "generation_ended"),
            (None, "credential_revoked"),
        ],
    )
    def test_a_credential_ends_up_to_a_generation(self, revocations, generation, reason):
        revocations.add([revoked("credential", CLAIMS.client_id, generation=generation)])
        assert reason_for(revocations) == reason

    def test_the_later_of_two_holds(self, revocations):
        for generation in (None, 1):
            revocations.add([revoked("credential", CLAIMS.client_id, generation=generation)])
        assert reason_for(revocations) is None
        assert len(revocations) == 1

    def test_inactive_organization(self, revocations):
        revocations.inactive_organizations = frozenset({CLAIMS.organization_id})
        assert reason_for(revocations) == "organization_inactive"
        revocations.inactive_organizations = frozenset({"another"})
        assert reason_for(revocations) is None

    def test_inactive_user(self, revocations):
        revocations.inactive_users = frozenset({"7"})
        assert reason_for(revocations, USERS) == "owner_inactive"
        assert reason_for(revocations, dataclasses.replace(CLAIMS, subject="7")) is None


class TestForgetExpired:
    def test_drops_what_no_live_token_can_be_concerned_by(self, revocations):
        revocations.add(revoked(kind, "early", expires_at=NOW) for kind in RevocationKind)
        revocations.add(revoked(kind, "late", expires_at=NOW + 1) for kind in RevocationKind)
        revocations.discard_expired(now=NOW - 0.001)
        assert len(revocations) == 8
        revocations.discard_expired(now=NOW)
        assert len(revocations) == 4
        revocations.discard_expired(now=NOW + 1)
        assert len(revocations) == 0
