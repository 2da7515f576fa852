"""States of a key: next, current, retired, gone; all tokens stay valid throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.issuer.signing_keys.conftest import START, accepts, kids, published
from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key
from token_exchange.conf import get_settings
from token_exchange.issuer import signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys.encryption import encrypt
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.models import SigningKey
from token_exchange_core import keys
from token_exchange_core.errors import InvalidToken
from token_exchange_core.tokens import Claims

MAX_AGE = 300
"""Seconds that a verifier keeps what it fetched: ``JWKS_MAX_AGE``."""
SIGNS = MAX_AGE + 60
"""Seconds after which a published key signs."""
LIFETIME = 86_400
"""Seconds that the longest token lives."""
LAST_TOKEN = SIGNS + LIFETIME
"""Seconds after which the last token of the key of before is dead."""
GONE = LAST_TOKEN + MAX_AGE


class Token(NamedTuple):
    text: str
    kid: str
    expires_at: int


class World:
    """A service, and verifiers that fetched its keys at every moment and ask nothing else."""

    def __init__(self, clock):
        self.clock = clock
        self.seconds = 0
        self.fetched: list[tuple[int, str]] = []
        self.tokens: list[Token] = []
        self.api_key = make_api_key()

    def at(self, seconds: int) -> None:
        """Go there. A verifier fetches the keys, a client a token, and all tokens are shown."""
        self.seconds = seconds
        self.now = self.clock.at(timedelta(seconds=seconds))
        self.fetch()
        self.mint()
        self.check()

    def fetch(self) -> None:
        self.fetched.append((self.seconds, published()))

    def mint(self) -> Token:
        asked = tokens.TokenRequest(expires_in=LIFETIME)
        credential = authenticate_api_key(self.api_key.raw_secret, address="", now=self.now)
        issued = tokens.issue(credential, asked, now=self.now)
        kid = signing_keys.key_set().current.kid
        self.tokens.append(Token(issued.token, kid, self.seconds + LIFETIME))
        return self.tokens[-1]

    def check(self, *, removed: str = "") -> None:
        """See that each verifier accepts each token that is alive, but those of a removed key."""
        for token in self.tokens:
            if token.expires_at > self.seconds and token.kid != removed:
                assert self.verify(token)
                assert {accepts(jwks, token.text) for jwks in self.held()} == {True}

    def verify(self, token: Token) -> Claims:
        return verify_access_token(token.text, now=self.now.timestamp()).claims

    def held(self) -> list[str]:
        """Return the key sets that verifiers may hold now."""
        return [jwks for seconds, jwks in self.fetched if self.seconds - seconds <= MAX_AGE]

    def states(self) -> list[str]:
        rows = SigningKey.objects.order_by("sequence")
        return [str(row.state(now=self.now)) for row in rows]


def around(*events: int) -> list[int]:
    """Return the seconds at, just before and after each event, and a ``MAX_AGE`` away from it."""
    return sorted({event + by for event in events for by in (-MAX_AGE, -1, 0, 1, MAX_AGE)})


@pytest.fixture(params=["RS256", "ES256", "EdDSA"])
def world(request, token_exchange_settings, transactional_db, clock):
    token_exchange_settings(ALGORITHM=request.param, JWKS_MAX_AGE=MAX_AGE)
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=START))
    world = World(clock)
    assert SigningKey.objects.get().algorithm == request.param
    return world


class TestWholeLife:
    def test_breaks_nobodys_token(self, world):
        first = SigningKey.objects.get()
        world.at(0)
        second = signing_keys.rotate_signing_key(act=Act(now=world.now))
        seen = {}
        for seconds in around(SIGNS, LAST_TOKEN, GONE):
            world.at(seconds)
            seen[seconds] = (world.states(), kids(published()), world.tokens[-1].kid)
        both = [first.kid, second.kid]
        assert seen[SIGNS - MAX_AGE] == (["current", "next"], both, first.kid)
        assert seen[SIGNS - 1] == (["current", "next"], both, first.kid)
        assert seen[SIGNS] == (["retired", "current"], both, second.kid)
        assert seen[LAST_TOKEN] == (["retired", "current"], both, second.kid)
        assert seen[GONE - 1] == (["retired", "current"], both, second.kid)
        assert seen[GONE] == (["gone", "current"], [second.kid], second.kid)

    def test_goes_on_with_the_next(self, world):
        """One rotation after the other, each as soon as it is allowed."""
        world.at(0)
        for seconds in range(0, 4 * SIGNS, SIGNS):
            world.at(seconds)
            signing_keys.rotate_signing_key(act=Act(now=world.now))
            for later in (1, MAX_AGE, SIGNS - 1):
                world.at(seconds + later)
        assert world.states() == ["retired", "retired", "retired", "current", "next"]


class TestRemoval:
    def test_ends_the_tokens_of_the_key_within_max_age_and_no_others(self, world):
        world.at(0)
        signing_keys.rotate_signing_key(act=Act(now=world.now))
        world.at(SIGNS)
        leaked = world.tokens[-1]
        heir = signing_keys.remove_signing_key(leaked.kid, act=Act(now=world.now))
        # Here at once.
        with pytest.raises(InvalidToken):
            world.verify(leaked)
        world.fetch()
        fresh = published()
        assert leaked.kid not in kids(fresh)
        assert accepts(fresh, world.mint().text)
        assert world.tokens[-1].kid == heir.kid
        # Elsewhere when what was fetched before has to be fetched again.
        assert True in [accepts(jwks, leaked.text) for jwks in world.held()]
        world.clock.at(timedelta(seconds=SIGNS + MAX_AGE + 1))
        world.seconds = SIGNS + MAX_AGE + 1
        world.fetch()
        assert {accepts(jwks, leaked.text) for jwks in world.held()} == {False}
        world.check(removed=leaked.kid)


class TestChangeOfTheDefault:
    """A service that was set up with RS256, and now has the default."""

    @pytest.fixture
    def old_key(self, db, clock, settings):
        private_key = rsa.generate_private_key(65537, 2048)
        der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key = keys.SigningKey.from_private_bytes(der, algorithm="RS256")
        settings.TOKEN_EXCHANGE = {"ISSUER": "https://issuer.test"}
        SigningKey.objects.all().delete()
        return SigningKey.objects.create(
            kid=key.kid,
            algorithm="RS256",
            public_jwk=key.public.public_jwk,
            encrypted_private_key=encrypt(key),
            sequence=1,
            published_at=START,
            activates_at=START,
        )

    def test_key_signs_until_its_next_rotation(self, old_key, clock, mint):
        assert get_settings().algorithm == "ES256"
        first = mint()
        assert verify_access_token(first, now=START.timestamp())
        clock.at(timedelta(days=89))
        assert signing_keys.tend_signing_keys(act=Act()) is None
        assert signing_keys.key_set().current.kid == old_key.kid
        clock.at(timedelta(days=90))
        new = signing_keys.tend_signing_keys(act=Act())
        assert new.algorithm == "ES256"
        last = mint()
        now = clock.at(timedelta(days=90, minutes=6))
        assert signing_keys.key_set().current.kid == new.kid
        assert verify_access_token(last, now=now.timestamp())
        assert verify_access_token(mint(), now=now.timestamp())
