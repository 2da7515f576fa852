from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from tests.support import factories
from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.issuer.credentials import Act, CredentialConflict, end_overlap, revoke, rotate
from token_exchange.models import Credential
from token_exchange.models.credential_state import State
from token_exchange.signals import credential_overlap_ended, credential_rotated

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def works(issued, *, now=NOW) -> bool:
    return factories.works(issued.raw_secret, now=now)


class TestRotate:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_keeps_the_identifier_and_changes_the_secret(self, make):
        first = make(now=NOW)
        identifier, digest = first.credential.identifier, first.credential.secret_digest
        second = rotate(first.credential, act=Act(now=NOW + HOUR))
        assert second.raw_secret != first.raw_secret
        assert second.credential.identifier == identifier
        assert second.credential.previous_secret_digest == digest
        assert second.credential.secret_issued_at == NOW + HOUR
        assert second.raw_secret not in repr(second)

    def test_leaves_the_tokens_alone(self):
        assert rotate(make_api_key(now=NOW).credential, act=Act(now=NOW)).credential.generation == 1

    @pytest.mark.parametrize("overlap", [HOUR, 30 * DAY])
    def test_lets_the_previous_secret_live_for_the_overlap(self, overlap):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=overlap, act=Act(now=NOW))
        assert second.credential.previous_secret_expires_at == NOW + overlap
        assert second.credential.state(now=NOW) == State.ROTATING
        assert second.credential.state(now=NOW + overlap) == State.ACTIVE
        assert works(first, now=NOW + overlap - SECOND)
        assert not works(first, now=NOW + overlap)
        assert works(second, now=NOW + overlap)

    def test_ends_the_previous_secret_at_once_without_overlap(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=timedelta(0), act=Act(now=NOW))
        assert second.credential.previous_secret_digest is None
        assert second.credential.previous_secret_expires_at is None
        assert second.credential.generation == 1
        assert (works(first), works(second)) == (False, True)

    def test_takes_the_default_overlap(self, token_exchange_settings):
        first = rotate(make_api_key(now=NOW).credential, act=Act(now=NOW))
        assert first.credential.previous_secret_expires_at == NOW + DAY
        token_exchange_settings(DEFAULT_OVERLAP=HOUR)
        second = rotate(make_api_key(now=NOW).credential, act=Act(now=NOW))
        assert second.credential.previous_secret_expires_at == NOW + HOUR
        token_exchange_settings(DEFAULT_OVERLAP=HOUR, MAX_OVERLAP=60)
        third = rotate(make_api_key(now=NOW).credential, act=Act(now=NOW))
        assert third.credential.previous_secret_expires_at == NOW + timedelta(minutes=1)

    @pytest.mark.parametrize("overlap", [-SECOND, 30 * DAY + SECOND, timedelta.max])
    def test_refuses_an_overlap_out_of_bounds(self, overlap):
        first = make_api_key(now=NOW)
        with pytest.raises(ValidationError, match="between 0 and 2592000 seconds"):
            rotate(first.credential, overlap=overlap, act=Act(now=NOW))
        assert works(first)

    def test_is_announced_after_the_commit(self, hear, django_capture_on_commit_callbacks):
        said, operator = hear(credential_rotated), make_user()
        credential = make_api_key(now=NOW).credential
        with django_capture_on_commit_callbacks(execute=True):
            rotate(credential, overlap=HOUR, act=Act(now=NOW, by=operator))
            assert said == []
        assert said == [
            {"credential": credential, "by": operator, "overlap": HOUR, "compromised": False}
        ]


class TestRotateWhileAPreviousSecretLives:
    def test_is_refused(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        with pytest.raises(CredentialConflict, match="works until 2026-01-01 01:00:00 UTC"):
            rotate(second.credential, act=Act(now=NOW + HOUR - SECOND))
        assert works(first)
        assert works(second)
        rotate(second.credential, act=Act(now=NOW + HOUR))

    def test_is_possible_once_the_overlap_is_ended(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        end_overlap(second.credential, act=Act(now=NOW))
        third = rotate(second.credential, act=Act(now=NOW))
        assert [works(each) for each in (first, second, third)] == [False, True, True]

    def test_is_possible_after_a_compromise(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        third = rotate(second.credential, compromised=True, act=Act(now=NOW))
        assert [works(each) for each in (first, second, third)] == [False, False, True]


class TestCompromise:
    def test_ends_secret_and_tokens_whatever_the_overlap(self):
        first = make_api_key(now=NOW)
        second = rotate(first.credential, compromised=True, overlap=HOUR, act=Act(now=NOW))
        assert second.credential.generation == 2
        assert second.credential.previous_secret_expires_at is None
        assert (works(first), works(second)) == (False, True)

    def test_is_announced_as_such(self, hear, django_capture_on_commit_callbacks):
        said = hear(credential_rotated)
        credential = make_api_key(now=NOW).credential
        with django_capture_on_commit_callbacks(execute=True):
            rotate(credential, compromised=True, act=Act(now=NOW))
        assert said == [
            {"credential": credential, "by": None, "overlap": timedelta(0), "compromised": True}
        ]


class TestRotateOfWhatHasEnded:
    def test_is_refused_after_revocation(self):
        credential = make_api_key(now=NOW).credential
        revoke(credential, act=Act(now=NOW))
        for compromised in (False, True):
            with pytest.raises(CredentialConflict, match="is revoked or expired"):
                rotate(credential, compromised=compromised, act=Act(now=NOW))

    def test_is_refused_after_expiry(self):
        credential = make_api_key(now=NOW, expires_at=NOW + HOUR).credential
        with pytest.raises(CredentialConflict, match="revoked or expired"):
            rotate(credential, act=Act(now=NOW + HOUR))


class TestRotateOfAStaleCopy:
    """The row decides, and not what somebody read of it before."""

    def test_is_refused_after_another_rotation(self):
        first = make_api_key(now=NOW)
        stale = Credential.objects.get(pk=first.credential.pk)
        second = rotate(first.credential, overlap=timedelta(0), act=Act(now=NOW))
        for compromised in (False, True):
            with pytest.raises(CredentialConflict, match="Someone else changed"):
                rotate(stale, compromised=compromised, act=Act(now=NOW))
        assert works(second)

    def test_is_refused_after_revocation(self):
        first = make_api_key(now=NOW)
        stale = Credential.objects.get(pk=first.credential.pk)
        revoke(first.credential, act=Act(now=NOW))
        with pytest.raises(CredentialConflict, match="Someone else changed"):
            rotate(stale, act=Act(now=NOW))
        assert not works(first)


class TestEndOverlap:
    def test_ends_the_previous_secret(self, hear, django_capture_on_commit_callbacks):
        said, operator = hear(credential_overlap_ended), make_user()
        first = make_api_key(now=NOW)
        second = rotate(first.credential, overlap=HOUR, act=Act(now=NOW))
        with django_capture_on_commit_callbacks(execute=True):
            end_overlap(second.credential, act=Act(now=NOW, by=operator))
            assert said == []
        assert (works(first), works(second)) == (False, True)
        assert second.credential.previous_secret_digest is None
        assert second.credential.state(now=NOW) == State.ACTIVE
        assert said == [{"credential": second.credential, "by": operator}]

    def test_is_refused_where_there_is_none(self):
        credential = make_api_key(now=NOW).credential
        with pytest.raises(CredentialConflict):
            end_overlap(credential, act=Act(now=NOW))
        rotate(credential, overlap=HOUR, act=Act(now=NOW))
        with pytest.raises(CredentialConflict):
            end_overlap(credential, act=Act(now=NOW + HOUR))


def test_a_client_secret_traces_to_its_client_id_after_rotation():
    first = make_client_app(now=NOW)
    second = rotate(first.credential, act=Act(now=NOW))
    assert second.raw_secret.rpartition(".")[0] == first.raw_secret.rpartition(".")[0]
