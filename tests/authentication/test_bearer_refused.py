"""Refused tokens: one description for all faults, over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from jwt.utils import base64url_encode

from tests.authentication.refusal import assert_refused
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.issuer import credentials, revocation_feed, signing_keys, tokens
from token_exchange.issuer.credentials import Act, IssuedSecret
from token_exchange.models import AccessToken, Credential, Organization
from token_exchange_core.errors import ExpiredToken, InvalidToken
from token_exchange_core.verification import TokenVerifier

pytestmark = pytest.mark.django_db


def forge(payload_changes: dict[str, Any] | None = None, **header_changes: Any) -> str:
    """Sign, with our own key, a token that the issuer would not have made."""
    key = signing_keys.key_set().current
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt", **header_changes}
    now = int(timezone.now().timestamp())
    payload = {
        "iss": "https://issuer.test",
        "sub": "sk_live.abc",
        "aud": "https://issuer.test",
        "client_id": "sk_live.abc",
        "scope": "",
        "iat": now,
        "exp": now + 100,
        "jti": "unknown",
        "org": "1",
        "gen": 1,
        **(payload_changes or {}),
    }
    parts = (base64url_encode(json.dumps(each).encode()).decode() for each in (header, payload))
    return key.sign(".".join(parts))


def end_token(_key: IssuedSecret) -> None:
    tokens.revoke(AccessToken.objects.get(), act=Act(now=timezone.now()))


def end_credential(key: IssuedSecret) -> None:
    credentials.revoke(key.credential, act=Act(now=timezone.now()))


def end_generation(key: IssuedSecret) -> None:
    credentials.rotate(key.credential, compromised=True, act=Act(now=timezone.now()))


def stop_organization(key: IssuedSecret) -> None:
    Organization.objects.filter(pk=key.credential.organization_id).update(is_active=False)


def stop_owner(key: IssuedSecret) -> None:
    key.credential.owner.is_active = False
    key.credential.owner.save()


def delete_owner(key: IssuedSecret) -> None:
    key.credential.owner.delete()


def lose_owner(key: IssuedSecret) -> None:
    Credential.objects.filter(pk=key.credential.pk).update(owner=None)


def change_owner(key: IssuedSecret) -> None:
    Credential.objects.filter(pk=key.credential.pk).update(owner=make_user())


def remove_signing_key(_key: IssuedSecret) -> None:
    signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))


def forget_row(_key: IssuedSecret) -> None:
    AccessToken.objects.all().delete()


WAYS_TO_END = (
    end_token,
    end_credential,
    end_generation,
    stop_organization,
    stop_owner,
    delete_owner,
    lose_owner,
    change_owner,
    remove_signing_key,
    forget_row,
)


class TestRefused:
    @pytest.mark.parametrize(
        "token",
        [
            "garbage",
            "a.b.c",
            "a.b",
            "a.b.c.d",
            "a..c",
            "eyJhbGciOiJub25lIn0.e30.x",
            "_-_-",
            "YQ==",
            "gICAgA==",
            "a" * 8000,
            f"{'a' * 2600}.{'a' * 2600}.{'a' * 2600}",
        ],
    )
    def test_no_token_of_ours(self, show, token):
        assert_refused(show(token))

    @pytest.mark.parametrize(
        ("payload", "header"),
        [
            ({"iss": "https://other.test"}, {}),
            ({"iss": "https://issuer.test/"}, {}),
            ({"aud": "https://other.test"}, {}),
            ({"aud": []}, {}),
            ({"nbf": 2**40}, {}),
            ({"exp": "soon"}, {}),
            ({"gen": True}, {}),
            ({"sub": None}, {}),
            ({"sub": "sk_live.other"}, {}),
            ({"sub": "user:\ud800"}, {}),
            ({"scope": "a \ud800"}, {}),
            ({"org": "\udfff"}, {}),
            ({"client_id": "\ud800", "sub": "\ud800"}, {}),
            ({"exp": 10**12}, {}),
            ({"exp": 253_402_300_800}, {}),
            ({"exp": 10**100}, {}),
            ({"sub": "user:0"}, {}),
            ({"sub": "user:99999999999999999999"}, {}),
            ({"sub": "user:somebody"}, {}),
            ({"sub": "user:"}, {}),
            ({"cnf": {"jkt": "x"}}, {}),
            ({}, {"typ": "JWT"}),
            ({}, {"typ": None}),
            ({}, {"alg": "none"}),
            ({}, {"alg": "HS256"}),
            ({}, {"alg": "RS256"}),
            ({}, {"kid": "unknown"}),
            ({}, {"kid": "' OR 1=1 --"}),
            ({}, {"kid": 1}),
            ({}, {"jku": "https://attacker.test/jwks.json"}),
            ({}, {"jwk": {}}),
            ({}, {"crit": ["exp"]}),
        ],
    )
    def test_signed_by_us_but_no_token_of_ours(self, show, payload, header):
        """One rule of RFC 9068, section 4, is broken each time."""
        assert show(forge()).status_code == 200
        token = forge(payload, **header)
        assert_refused(show(token))

    def test_every_way_to_end_a_token_gives_the_same_bytes(self, exchanged, show):
        answers = []
        for end in WAYS_TO_END:
            AccessToken.objects.all().delete()
            key = make_api_key(organization=make_organization(), owner=make_user())
            token = exchanged(key)
            assert show(token).status_code == 200
            end(key)
            answers.append(show(token))
            assert_refused(answers[-1])
            # Expired as well as ended: only the end is told, in the same bytes, for as long as
            # the feed knows of it.
            with time_machine.travel(timezone.now() + timedelta(minutes=40), tick=False):
                answers.append(show(token))
        assert len({(each.content, str(sorted(each.items()))) for each in answers}) == 1

    def test_inactive_organization_works_again_afterwards(self, exchanged, show):
        key = make_api_key()
        token = exchanged(key)
        organizations = type(key.credential.organization).objects
        organizations.update(is_active=False)
        assert_refused(show(token))
        organizations.update(is_active=True)
        assert show(token).status_code == 200

    def test_expired_is_told(self, exchanged, show):
        """The one fault with a text of its own."""
        with time_machine.travel(timezone.now(), tick=False) as clock:
            token = exchanged()
            clock.shift(1799)
            assert show(token).status_code == 200
            clock.shift(1)
            assert_refused(show(token), ExpiredToken.description)
        assert ExpiredToken.description == "The auth token provided has expired."

    def test_removed_key_is_refused_by_a_process_that_still_holds_it(self, exchanged, show):
        """``--all-new`` elsewhere: the feed decides before this process reads the keys again."""
        token = exchanged()
        before = signing_keys.key_set()
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        verifier = TokenVerifier(
            keys=lambda: before,
            revocations=revocation_feed.revocations,
            issuer="https://issuer.test",
            audience="https://issuer.test",
        )
        with pytest.raises(InvalidToken) as refused:
            verifier.verify(token, now=timezone.now().timestamp())
        assert refused.value.reason == "signing_key_removed"
