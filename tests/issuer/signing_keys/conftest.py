"""Fixtures of the signing key tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import time_machine

from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key
from token_exchange.issuer import signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import SigningKey
from token_exchange_core import process_state
from token_exchange_core.errors import InvalidToken
from token_exchange_core.keys import KeySet, VerificationKey
from token_exchange_core.revocation_set import RevocationSet
from token_exchange_core.verification import TokenVerifier

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock():
    """Stop the clock at ``START``; ``clock.at(delta)`` moves it and forgets the cached keys."""

    class Clock:
        def __init__(self, traveller: Any) -> None:
            self.traveller = traveller

        def at(self, after: timedelta) -> datetime:
            self.traveller.move_to(START + after)
            process_state.clear_caches()
            return START + after

    with time_machine.travel(START, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def first_key(db, clock) -> SigningKey:
    """The only key there is, made at ``START``."""
    SigningKey.objects.all().delete()
    signing_keys.ensure_first_key(using="default", act=Act(now=START))
    return SigningKey.objects.get()


@pytest.fixture
def mint() -> Callable[[], str]:
    """Mint a token now."""
    issued = make_api_key()

    def mint_one() -> str:
        now = datetime.now(UTC)
        credential = authenticate_api_key(issued.raw_secret, address="", now=now)
        return tokens.issue(credential, tokens.TokenRequest(), now=now).token

    return mint_one


def published() -> str:
    """Return the JWK Set as a verifier would fetch it now."""
    return json.dumps(signing_keys.key_set().public_jwks())


def kids(jwks: str) -> list[str]:
    return [key["kid"] for key in json.loads(jwks)["keys"]]


def accepts(jwks: str, token: str) -> bool:
    """Tell whether a verifier that holds only this JWK Set accepts the token now."""
    verifier = TokenVerifier(
        keys=lambda: _parsed(jwks),
        revocations=RevocationSet,
        issuer="https://issuer.test",
        audience="https://issuer.test",
    )
    try:
        verifier.verify(token, now=datetime.now(UTC).timestamp())
    except InvalidToken as error:
        if error.reason != "unknown_kid":
            raise
        return False
    return True


@cache
def _parsed(jwks: str) -> KeySet:
    return KeySet([VerificationKey.from_jwk(each) for each in json.loads(jwks)["keys"]])
