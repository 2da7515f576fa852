"""Tokens of the floors: claims written and checked by hand."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from rest_framework.exceptions import AuthenticationFailed

from subjects import signatures

LIFETIME_SECONDS = 1800

_ISSUER = "https://issuer.test"
_HEADER = signatures.header(settings.BENCHMARKS_ALGORITHM)


def make_claims(
    credential: str, organization: str, scope: str, *, now: int, jti: str
) -> dict[str, Any]:
    """Return what a token says."""
    return {
        "iss": _ISSUER,
        "sub": credential,
        "aud": _ISSUER,
        "client_id": credential,
        "scope": scope,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": jti,
        "org": organization,
    }


def unsigned(claims: dict[str, Any]) -> bytes:
    """Return all of a token but its signature."""
    return signatures.unsigned(_HEADER, claims)


def sign(signing_input: bytes) -> str:
    """Return the whole token."""
    return (signing_input + b"." + signatures.encode(key().sign(signing_input))).decode()


def verify(token: str) -> dict[str, Any]:
    """Return the claims of a token of ours; raises for any other."""
    signing_input, _, signature = token.encode().rpartition(b".")
    encoded_header, _, payload = signing_input.partition(b".")
    if encoded_header != _HEADER:
        raise AuthenticationFailed
    key().verify(signatures.decode(signature), signing_input)
    claims: dict[str, Any] = json.loads(signatures.decode(payload))
    if claims["iss"] != _ISSUER or claims["aud"] != _ISSUER or claims["exp"] <= time.time():
        raise AuthenticationFailed
    return claims


@cache
def key() -> signatures.Es256 | signatures.Rs256:
    """Return the key that all processes of this subject have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pem FROM ideal_key")
        return signatures.load(settings.BENCHMARKS_ALGORITHM, cursor.fetchone()[0])
