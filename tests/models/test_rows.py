"""What the rows keep by themselves, whoever writes them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import DataError, IntegrityError, models
from django.db.models import ProtectedError

from tests.models.rows import NOW, make_token, raw_row
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.models import (
    AccessToken,
    APIKey,
    ClientApp,
    Credential,
    Organization,
    SigningKey,
)
from token_exchange.models.credential_state import State


@pytest.mark.django_db
class TestCredentialRows:
    @pytest.fixture
    def key(self):
        return make_api_key(owner=make_user()).credential

    def test_good_row_is_written(self, key):
        raw_row(Credential, key, identifier="sk_live.other")
        assert Credential.objects.count() == 2

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "other"},
            {"kind": ""},
            {"kind": "client_app"},
            {"subject_type": "other"},
            {"subject_type": "organization"},
            {"previous_secret_digest": "0" * 64},
            {"previous_secret_expires_at": NOW},
            {"generation": -1},
            {"identifier": None},
            {"kind": None},
            {"subject_type": None},
            {"secret_digest": None},
            {"organization_id": None},
            {"created_at": None},
            {"generation": None},
        ],
    )
    def test_impossible_row_is_refused(self, key, changes):
        with pytest.raises((IntegrityError, DataError)):
            raw_row(Credential, key, **{"identifier": "sk_live.other", **changes})
        assert Credential.objects.count() == 1

    def test_second_row_of_an_identifier_is_refused(self, key):
        with pytest.raises(IntegrityError):
            raw_row(Credential, key)

    def test_previous_secret_is_whole_or_absent(self, key):
        raw_row(
            Credential,
            key,
            identifier="sk_live.other",
            previous_secret_digest="0" * 64,
            previous_secret_expires_at=NOW,
        )

    def test_client_app_has_no_owner(self):
        app = make_client_app().credential
        with pytest.raises(IntegrityError):
            raw_row(Credential, app, identifier="ci_live.other", owner_id=make_user().pk)
        with pytest.raises(IntegrityError):
            raw_row(Credential, app, identifier="ci_live.other", subject_type="user")

    def test_users_key_may_lose_its_owner_and_stays_a_users(self, key):
        key.owner.delete()
        key.refresh_from_db()
        assert (key.owner, key.subject_type) == (None, "user")
        assert key.state(now=NOW) == State.REVOKED


@pytest.mark.django_db
class TestOtherRows:
    def test_jti_is_unique(self):
        token = make_token(make_api_key().credential)
        with pytest.raises(IntegrityError):
            raw_row(AccessToken, token)

    @pytest.mark.parametrize("changes", [{"sequence": 99}, {"kid": "other"}])
    def test_sequence_and_kid_of_keys_are_unique(self, changes):
        """Two processes that add a key at once draw the same number; one of them wins."""
        with pytest.raises(IntegrityError):
            raw_row(SigningKey, SigningKey.objects.get(), **changes)

    def test_slug_is_unique(self):
        organization = make_organization()
        with pytest.raises(IntegrityError):
            raw_row(Organization, organization)


@pytest.mark.django_db
class TestDeletion:
    def test_organization_with_credentials_is_protected(self):
        key = make_api_key().credential
        with pytest.raises(ProtectedError):
            key.organization.delete()
        assert Organization.objects.filter(pk=key.organization_id).exists()

    def test_credential_with_tokens_is_protected(self):
        token = make_token(make_api_key().credential)
        with pytest.raises(ProtectedError):
            token.credential.delete()

    def test_organization_without_credentials_may_go(self):
        make_organization().delete()
        assert not Organization.objects.exists()

    def test_user_who_made_or_revoked_may_go(self):
        admin = make_user()
        key = make_api_key(by=admin).credential
        Credential.objects.filter(pk=key.pk).update(revoked_by=admin)
        admin.delete()
        key.refresh_from_db()
        assert (key.created_by, key.revoked_by) == (None, None)


@pytest.mark.django_db
class TestPermissions:
    def test_are_these(self):
        codenames = Permission.objects.filter(content_type__app_label="token_exchange")
        assert set(codenames.values_list("codename", flat=True)) == {
            *(f"{verb}_organization" for verb in ("add", "change", "delete", "view")),
            *(f"{verb}_apikey" for verb in ("add", "change", "view", "rotate", "revoke")),
            "impersonate_apikey",
            *(f"{verb}_clientapp" for verb in ("add", "change", "view", "rotate", "revoke")),
            *("view_accesstoken", "revoke_accesstoken"),
            *("view_signingkey", "rotate_signingkey", "remove_signingkey"),
            *("view_revocation", "grant_revocations"),
            *("view_auditevent", "view_hourlycount"),
        }

    def test_of_one_kind_do_not_grant_the_others(self):
        user = make_user()
        user.user_permissions.add(Permission.objects.get(codename="revoke_apikey"))
        user = type(user).objects.get(pk=user.pk)
        assert user.has_perm("token_exchange.revoke_apikey")
        assert not user.has_perm("token_exchange.revoke_clientapp")
        assert not user.has_perm("token_exchange.revoke_credential")

    @pytest.mark.parametrize("model", [Credential, APIKey, ClientApp, AccessToken, SigningKey])
    def test_nothing_secret_is_deleted_by_permission(self, model):
        assert "delete" not in model._meta.default_permissions


@pytest.mark.django_db
class TestStr:
    def test_of_each(self):
        key = make_api_key(name="Nightly").credential
        assert str(key) == f"Nightly ({key.identifier})"
        assert str(APIKey.objects.get()) == str(key)
        assert str(make_organization(name="Example & Sons")) == "Example & Sons"
        assert str(make_token(key, jti="abc")) == "abc"
        assert str(SigningKey.objects.get()) == SigningKey.objects.get().kid

    def test_repr_has_nothing_secret(self):
        issued = make_api_key()
        assert issued.raw_secret not in f"{issued!r}{issued.credential!r}"
        assert issued.credential.secret_digest not in f"{issued!r}"


class TestNothingOpensADoor:
    def test_columns_that_hold_something_secret_are_these(self):
        """A new one has to be thought about; none of these is shown or edited anywhere."""
        secret = {
            f"{model.__name__}.{field.name}"
            for model in (Credential, AccessToken, SigningKey, Organization)
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField)
            and any(word in field.name for word in ("secret", "private", "signing_input", "token"))
        }
        assert secret == {
            "Credential.secret_digest",
            "Credential.previous_secret_digest",
            "Credential.previous_secret_last_used_from",
            "AccessToken.signing_input",
            "SigningKey.encrypted_private_key",
        }
        for name in secret:
            model, _, field = name.partition(".")
            found = {each.__name__: each for each in (Credential, AccessToken, SigningKey)}[model]
            assert found._meta.get_field(field).editable is False
