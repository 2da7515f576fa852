from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from tests.support.authentication import authenticate_api_key
from tests.support.factories import (
    make_api_key,
    make_client_app,
    make_organization,
    make_token,
    make_user,
)
from token_exchange.issuer.credentials import (
    Act,
    CredentialConflict,
    invalidate_tokens,
    revoke,
)
from token_exchange.models import APIKey, Credential
from token_exchange.models.credential_state import State
from token_exchange.signals import credential_revoked, credential_tokens_invalidated
from token_exchange_core.errors import InvalidClient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TestRevoke:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_is_for_good(self, make, hear, django_capture_on_commit_callbacks):
        said, operator = hear(credential_revoked), make_user()
        credential = make().credential
        with django_capture_on_commit_callbacks(execute=True):
            revoke(credential, act=Act(now=NOW, by=operator, reason="Left the company."))
            assert said == []
        stored = Credential.objects.get(pk=credential.pk)
        for each in (credential, stored):
            assert each.state(now=NOW) == State.REVOKED
            assert each.revoked_at == NOW
            assert each.revoked_by == operator
            assert each.revocation_reason == "Left the company."
        assert said == [{"credential": credential, "by": operator, "reason": "Left the company."}]

    def test_is_refused_the_second_time(self, hear, django_capture_on_commit_callbacks):
        said = hear(credential_revoked)
        credential = make_api_key().credential
        stale = Credential.objects.get(pk=credential.pk)
        revoke(credential, act=Act(now=NOW, reason="The first."))
        for each in (credential, stale):
            with (
                django_capture_on_commit_callbacks(execute=True),
                pytest.raises(CredentialConflict, match="already been revoked"),
            ):
                revoke(each, act=Act(now=NOW, reason="The second."))
        credential.refresh_from_db()
        assert credential.revocation_reason == "The first."
        assert said == []

    @pytest.mark.parametrize("reason", ["a\x00b", "a\nb", "x" * 256])
    def test_refuses_a_reason_that_cannot_be_stored(self, reason):
        credential = make_api_key().credential
        with pytest.raises(ValidationError):
            revoke(credential, act=Act(now=NOW, reason=reason))
        credential.refresh_from_db()
        assert credential.revoked_at is None


class TestDeletionOfAUser:
    def test_revokes_his_keys_which_stay_refused_as_a_users(self):
        user, other = make_user(), make_user()
        issued, untouched = make_api_key(owner=user), make_api_key(owner=other)
        user.delete()
        key = Credential.objects.get(pk=issued.credential.pk)
        assert key.owner is None
        assert key.subject_type == "user"
        assert key.revocation_reason == "The owner was deleted."
        with pytest.raises(InvalidClient) as caught:
            authenticate_api_key(issued.raw_secret, address="", now=NOW)
        assert caught.value.reason == "credential_revoked"
        assert authenticate_api_key(untouched.raw_secret, address="", now=NOW)

    def test_of_many_at_once_revokes_all_their_keys(self):
        for _ in range(2):
            make_api_key(owner=make_user())
        get_user_model().objects.all().delete()
        assert APIKey.objects.filter(revoked_at=None).count() == 0
        assert APIKey.objects.count() == 2

    def test_leaves_the_reason_of_an_earlier_revocation(self):
        user = make_user()
        key = make_api_key(owner=user).credential
        revoke(key, act=Act(now=NOW, reason="Earlier."))
        user.delete()
        key.refresh_from_db()
        assert key.revocation_reason == "Earlier."
        assert key.revoked_at == NOW

    def test_forgets_who_issued_and_revoked_but_not_that(self):
        operator = make_user()
        key = make_api_key(by=operator).credential
        revoke(key, act=Act(now=NOW, by=operator))
        operator.delete()
        key.refresh_from_db()
        assert (key.created_by, key.revoked_by, key.revoked_at) == (None, None, NOW)


class TestDeletionOfAnOrganization:
    def test_is_refused_while_it_has_credentials(self):
        organization = make_organization()
        key = make_api_key(organization=organization).credential
        revoke(key, act=Act(now=NOW))
        with pytest.raises(ProtectedError):
            organization.delete()

    def test_is_possible_without(self):
        organization = make_organization()
        assert organization.delete()[0] == 1


class TestInvalidateTokens:
    def test_begins_a_new_generation(self, hear, django_capture_on_commit_callbacks):
        said = hear(credential_tokens_invalidated)
        issued = make_api_key()
        make_token(issued.credential, expires_at=NOW + timedelta(hours=1))
        credential = authenticate_api_key(issued.raw_secret, address="", now=NOW)
        with django_capture_on_commit_callbacks(execute=True):
            invalidate_tokens(credential, act=Act(now=NOW))
            assert said == []
        assert said == [{"credential_id": credential.pk, "identifier": credential.identifier}]
        again = authenticate_api_key(issued.raw_secret, address="", now=NOW)
        assert again.generation == credential.generation + 1

    @pytest.mark.parametrize(
        "values", [{"expires_at": NOW}, {"generation": 7}, {"revoked_at": NOW}]
    )
    def test_writes_nothing_without_a_live_token(self, values, django_assert_num_queries):
        issued = make_api_key()
        make_token(issued.credential, **{"expires_at": NOW + timedelta(hours=1), **values})
        credential = authenticate_api_key(issued.raw_secret, address="", now=NOW)
        with django_assert_num_queries(1):
            invalidate_tokens(credential, act=Act(now=NOW))
