"""Tokens with arbitrary headers, claims and keys, and a verifier to refuse them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.support.claims import CLAIMS, PAYLOAD
from token_exchange_core.errors import InvalidToken
from token_exchange_core.keys import KeySet, SigningKey
from token_exchange_core.revocation_set import RevocationSet
from token_exchange_core.verification import TokenVerifier

NOW = CLAIMS.issued_at


KEY = SigningKey.generate("EdDSA")


OTHER_KEY = SigningKey.generate("EdDSA")


HEADER = {"alg": "EdDSA", "kid": KEY.kid, "typ": "at+jwt"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def make_token(header: Any = HEADER, payload: Any = PAYLOAD, key: SigningKey = KEY) -> str:
    return key.sign(f"{part(header)}.{part(payload)}")


def make_verifier(*keys: SigningKey, **options: Any) -> TokenVerifier:
    known, revoked = KeySet([key.public for key in keys or (KEY,)]), RevocationSet()
    return TokenVerifier(
        **{
            "keys": lambda: known,
            "revocations": lambda: revoked,
            "issuer": CLAIMS.issuer,
            "audience": CLAIMS.audience[0],
            **options,
        }
    )


def reason_for(token: str, *, now: float = NOW, verifier: TokenVerifier | None = None) -> str:
    """Return why the token is refused; all but an expired one are told the same."""
    with pytest.raises(InvalidToken) as refused:
        (verifier or make_verifier()).verify(token, now=now)
    assert type(refused.value) is InvalidToken
    assert (refused.value.status, refused.value.error) == (401, "invalid_token")
    assert refused.value.description == InvalidToken.description
    return refused.value.reason
