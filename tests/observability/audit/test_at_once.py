"""What two do at the same moment is recorded once, as it happened once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.observability.audit.conftest import NOW
from tests.support.threads import in_threads
from token_exchange.issuer import credentials, signing_keys, tokens
from token_exchange.issuer.credentials import Act, CredentialConflict
from token_exchange.issuer.signing_keys import SigningKeyConflict
from token_exchange.models import AccessToken, Credential


def revoke():
    credentials.revoke(Credential.objects.get(), act=Act(now=NOW))


def rotate():
    credentials.rotate(Credential.objects.get(), act=Act(now=NOW))


def revoke_token():
    tokens.revoke(AccessToken.objects.get(), act=Act(now=NOW))


def rotate_signing_key():
    signing_keys.rotate_signing_key(act=Act(now=NOW))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "event"),
    [
        (revoke, "credential.revoked"),
        (rotate, "credential.rotated"),
        (revoke_token, "token.revoked"),
        (rotate_signing_key, "signing_key.published"),
    ],
)
def test_leaves_one_row(token, trail, act, event):
    def try_it():
        with suppress(CredentialConflict, SigningKeyConflict):
            act()

    in_threads(4, try_it)
    assert [each.event for each in trail.rows()] == [event]
