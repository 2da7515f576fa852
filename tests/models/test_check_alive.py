"""What a row says of a token, and each reason for which it is dead."""

from __future__ import annotations

import dataclasses

import pytest

from tests.factories import make_api_key, make_user
from tests.models.claims import claims_for, reason_of
from tests.models.rows import NOW, make_token
from token_exchange.models import (
    AccessToken,
    Credential,
    Organization,
    SigningKey,
)


@pytest.mark.django_db
class TestCheckAlive:
    @pytest.fixture
    def token(self):
        return make_token(make_api_key().credential)

    @pytest.fixture
    def users_token(self):
        return make_token(make_api_key(owner=make_user()).credential)

    def test_machines_token(self, token, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert AccessToken.objects.check_alive(claims_for(token)) is None

    def test_users_token(self, users_token, django_assert_num_queries):
        claims = claims_for(users_token)
        with django_assert_num_queries(1):
            owner = AccessToken.objects.check_alive(claims)
            assert owner.is_active
        assert owner == users_token.credential.owner

    @pytest.mark.parametrize("jti", ["unknown", "JTI", "", "' OR ''='", "x" * 9000])
    def test_unknown_token(self, token, jti):
        claims = dataclasses.replace(claims_for(token), jti=jti)
        assert reason_of(claims) == "unknown_token"

    def test_revoked_token(self, token):
        AccessToken.objects.update(revoked_at=NOW)
        assert reason_of(claims_for(token)) == "token_revoked"

    def test_revoked_credential(self, token):
        Credential.objects.update(revoked_at=NOW)
        assert reason_of(claims_for(token)) == "credential_revoked"

    @pytest.mark.parametrize("generation", [-1, 0, 2, 2**70])
    def test_other_generation(self, token, generation):
        claims = dataclasses.replace(claims_for(token), generation=generation)
        assert reason_of(claims) == "generation_ended"

    @pytest.mark.parametrize("organization_id", ["", "0", "other"])
    def test_other_organization(self, token, organization_id):
        claims = dataclasses.replace(claims_for(token), organization_id=organization_id)
        assert reason_of(claims) == "organization_changed"

    def test_inactive_organization(self, token):
        Organization.objects.update(is_active=False)
        assert reason_of(claims_for(token)) == "organization_inactive"

    @pytest.mark.parametrize("is_deleted", [True, False])
    def test_removed_signing_key(self, token, is_deleted):
        keys = SigningKey.objects.filter(kid=token.kid)
        keys.delete() if is_deleted else keys.update(removed_at=NOW)
        assert reason_of(claims_for(token)) == "unknown_token"

    def test_owner_who_is_gone(self, users_token):
        claims = claims_for(users_token)
        Credential.objects.update(owner=None, generation=claims.generation)
        assert reason_of(claims) == "owner_gone"

    def test_owner_who_is_another(self, users_token):
        claims = claims_for(users_token)
        Credential.objects.update(owner=make_user(), generation=claims.generation)
        assert reason_of(claims) == "owner_gone"

    def test_owner_who_is_inactive(self, users_token):
        owner = users_token.credential.owner
        type(owner).objects.update(is_active=False)
        assert reason_of(claims_for(users_token)) == "owner_inactive"

    def test_asks_the_writer(self, token, settings):
        """A replica may not know of a revocation yet."""
        settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaRouter"]
        assert AccessToken.objects.check_alive(claims_for(token)) is None


class ReplicaRouter:
    """Sends what may be stale to a database that does not exist."""

    def db_for_read(self, model, **_hints):
        return "replica"

    def db_for_write(self, model, **_hints):
        return "default"
