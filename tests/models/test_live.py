"""Which tokens are live: those that verification accepts, and no others."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from tests.factories import make_api_key, make_user
from tests.models.claims import claims_for, reason_of
from tests.models.rows import HOUR, NOW, make_token
from token_exchange.models import AccessToken, Credential, Organization, SigningKey

pytestmark = pytest.mark.django_db

INSTANT = timedelta(microseconds=1)


@pytest.fixture(params=["machine", "user"])
def token(request):
    owner = make_user() if request.param == "user" else None
    return make_token(make_api_key(owner=owner).credential)


def live(now=NOW):
    return list(AccessToken.objects.live(now=now))


def lose_owner(token):
    Credential.objects.update(owner=None, subject_type="user", generation=token.generation)


def end_owner(token):
    owner = token.credential.owner or make_user()
    Credential.objects.update(owner=owner, subject_type="user", generation=token.generation)
    type(owner).objects.update(is_active=False)


ENDS = {
    "token_revoked": lambda _: AccessToken.objects.update(revoked_at=NOW),
    "credential_revoked": lambda _: Credential.objects.update(revoked_at=NOW),
    "generation_ended": lambda _: Credential.objects.update(generation=2),
    "unknown_token": lambda _: SigningKey.objects.update(removed_at=NOW),
    "organization_inactive": lambda _: Organization.objects.update(is_active=False),
    "owner_gone": lose_owner,
    "owner_inactive": end_owner,
}


def test_a_token_that_nothing_has_ended(token):
    assert live() == [token]
    AccessToken.objects.check_alive(claims_for(token))


def test_a_token_ends_with_its_time(token):
    assert live(NOW + HOUR - INSTANT) == [token]
    assert live(NOW + HOUR) == []


@pytest.mark.parametrize("reason", ENDS)
def test_a_token_that_verification_refuses_is_not_live(token, reason):
    ENDS[reason](token)
    claims = dataclasses.replace(claims_for(AccessToken.objects.get()), generation=token.generation)
    assert reason_of(claims) == reason
    assert live() == []
