"""Which tokens are live: those that verification accepts, and no others."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from tests.models.rows import HOUR, NOW
from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key, make_user
from token_exchange.issuer import tokens
from token_exchange.models import AccessToken, Credential, Organization, SigningKey
from token_exchange_core import process_state
from token_exchange_core.errors import ExpiredToken, InvalidToken

pytestmark = pytest.mark.django_db

INSTANT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def clock(token_exchange_settings):
    """A frozen clock, and a process that asks each time."""
    token_exchange_settings(REVOCATION_MAX_AGE=0)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def key(owner):
    return make_api_key(owner=owner, token_lifetime=HOUR, now=NOW)


@pytest.fixture(params=["machine", "user"])
def owner(request):
    return make_user() if request.param == "user" else None


@pytest.fixture
def token(key):
    """A token that is verified, and so remembered."""
    credential = authenticate_api_key(key.raw_secret, address="", now=NOW)
    token = tokens.issue(credential, tokens.TokenRequest(), now=NOW).token
    verify(token)
    return token


def verify(token, now=NOW):
    # As another process would, which has not removed the signing key itself.
    process_state.clear_caches()
    return tokens.verify_access_token(token, now=now.timestamp())


def live(now=NOW):
    return list(AccessToken.objects.live(now=now))


ENDS = {
    "token_revoked": lambda: AccessToken.objects.update(revoked_at=NOW),
    "credential_revoked": lambda: Credential.objects.update(revoked_at=NOW),
    "generation_ended": lambda: Credential.objects.update(scopes=[]),
    "unknown_kid": lambda: SigningKey.objects.update(removed_at=NOW),
    "organization_inactive": lambda: Organization.objects.update(is_active=False),
}


def test_a_token_that_nothing_has_ended(token, owner):
    assert live() == [AccessToken.objects.get()]
    assert verify(token).owner == owner


def test_a_token_ends_with_its_time(token):
    assert len(live(NOW + HOUR - INSTANT)) == 1
    assert verify(token, NOW + HOUR - INSTANT)
    assert live(NOW + HOUR) == []
    with pytest.raises(ExpiredToken):
        verify(token, NOW + HOUR)


def assert_dead(token, reason):
    with pytest.raises(InvalidToken) as refused:
        verify(token)
    assert refused.value.reason == reason
    assert refused.value.description == InvalidToken.description
    assert live() == []


@pytest.mark.parametrize("reason", ENDS)
def test_a_token_that_verification_refuses_is_not_live(token, reason):
    ENDS[reason]()
    assert_dead(token, reason)


@pytest.mark.parametrize("owner", ["user"], indirect=True)
class TestOwner:
    def test_who_is_inactive(self, token, owner):
        type(owner).objects.update(is_active=False)
        assert_dead(token, "owner_inactive")

    def test_who_is_gone(self, token, owner):
        owner.delete()
        assert_dead(token, "credential_revoked")

    def test_who_is_another(self, token):
        Credential.objects.update(owner=make_user())
        assert_dead(token, "generation_ended")


def test_a_token_of_an_organization_that_is_active_again(token):
    ENDS["organization_inactive"]()
    Organization.objects.update(is_active=True)
    assert len(live()) == 1
    assert verify(token)


def test_a_token_lives_on_when_nothing_that_it_has_was_changed(token):
    Credential.objects.update(name="Renamed", last_used_at=NOW, metadata={"x": 1})
    assert len(live()) == 1
    assert verify(token)
