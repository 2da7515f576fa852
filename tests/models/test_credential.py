from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, NotSupportedError, transaction
from django.db.models import QuerySet

from tests.models.rows import DAY, HOUR, NOW, make, stored
from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.issuer.credentials import Act, revoke, rotate
from token_exchange.models import APIKey, ClientApp, Credential
from token_exchange.models.credential_state import State

pytestmark = pytest.mark.django_db


class TestState:
    def test_follows_from_times(self):
        credential = make(expires_at=NOW + 3 * HOUR)
        assert credential.state(now=NOW - 30 * DAY) == State.ACTIVE
        assert credential.state(now=NOW) == State.EXPIRING
        rotate(credential, overlap=HOUR, act=Act(now=NOW))
        assert credential.state(now=NOW) == State.ROTATING
        assert credential.state(now=NOW + HOUR) == State.EXPIRING
        assert credential.state(now=NOW + 3 * HOUR) == State.EXPIRED
        revoke(credential, act=Act(now=NOW))
        assert credential.state(now=NOW + 3 * HOUR) == State.REVOKED


class TestProxies:
    def test_have_their_own_kind_only(self):
        key, app = make_api_key().credential, make_client_app().credential
        assert [each.pk for each in APIKey.objects.all()] == [key.pk]
        assert [each.pk for each in ClientApp.objects.all()] == [app.pk]
        assert not APIKey.objects.filter(pk=app.pk).exists()

    def test_have_permissions_of_their_own(self):
        def codenames(model):
            return {
                *(f"{each}_{model._meta.model_name}" for each in model._meta.default_permissions),
                *(codename for codename, _ in model._meta.permissions),
            }

        assert codenames(APIKey) == {
            f"{action}_apikey"
            for action in ("add", "change", "view", "rotate", "revoke", "impersonate")
        }
        assert codenames(ClientApp) == {
            f"{action}_clientapp" for action in ("add", "change", "view", "rotate", "revoke")
        }
        assert codenames(Credential) == set()


class TestConstraints:
    """What no code path can write, because the database refuses it."""

    @pytest.mark.parametrize(
        "values",
        [
            {"kind": "other"},
            {"subject_type": "other"},
            {"previous_secret_digest": "0" * 64},
            {"previous_secret_expires_at": NOW},
        ],
    )
    def test_refuse_an_impossible_row(self, values):
        credential = make()
        with pytest.raises(IntegrityError), transaction.atomic():
            Credential.objects.filter(pk=credential.pk).update(**values)

    def test_refuse_an_owner_of_what_is_the_organizations(self):
        for credential in (make(), make_client_app().credential):
            with pytest.raises(IntegrityError), transaction.atomic():
                Credential.objects.filter(pk=credential.pk).update(owner=make_user())

    def test_refuse_a_users_client_app(self):
        app = make_client_app().credential
        with pytest.raises(IntegrityError), transaction.atomic():
            Credential.objects.filter(pk=app.pk).update(subject_type="user")

    def test_refuse_the_same_identifier_twice(self):
        first, second = make(), make()
        with pytest.raises(IntegrityError), transaction.atomic():
            QuerySet(Credential).filter(pk=second.pk).update(identifier=first.identifier)

    def test_let_nobody_rename_a_credential_whose_tokens_name_it(self):
        credential = make()
        with pytest.raises(ValueError, match="cannot be changed"):
            Credential.objects.update(identifier="another")
        assert stored(credential).identifier == credential.identifier


def test_validators_want_lists_of_strings():
    credential = make()
    for name in ("scopes", "audience", "allowed_networks"):
        for value in ("a", {"a": 1}, [1], [None], 3):
            setattr(credential, name, value)
            with pytest.raises(ValidationError) as caught:
                credential.full_clean()
            assert caught.value.message_dict[name] == ["Enter a list of strings."]
            setattr(credential, name, [])


def test_is_shown_by_name_and_identifier():
    credential = make(name="Nightly")
    assert str(credential) == f"Nightly ({credential.identifier})"


class TestBulkCreate:
    def test_inserts(self):
        row = stored(make(scopes=["a"]))
        row.pk, row.identifier = None, row.identifier + "x"
        Credential.objects.bulk_create([row])
        assert Credential.objects.count() == 2

    def test_does_not_write_over_rows(self):
        row = stored(credential := make())
        revoke(credential, act=Act(now=NOW))
        with pytest.raises(NotSupportedError):
            Credential.objects.bulk_create(
                [row], update_conflicts=True, unique_fields=["id"], update_fields=["revoked_at"]
            )
        assert stored(credential).revoked_at == NOW
