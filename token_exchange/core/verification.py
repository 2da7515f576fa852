"""Is this bearer token good: ours, for us, alive and not revoked?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt import PyJWS

from token_exchange.core.errors import ExpiredToken, InvalidToken
from token_exchange.core.keys import ALGORITHMS, KeySet
from token_exchange.core.tokens import TOKEN_TYPE, Claims, parse_claims

MAX_TOKEN_LENGTH: Final = 8192

_COMPACT_JWS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TOKEN_TYPES: Final = frozenset({TOKEN_TYPE, f"application/{TOKEN_TYPE}"})
_FORBIDDEN_PARAMETERS: Final = frozenset({"crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"})
_JWS: Final = PyJWS(algorithms=sorted(ALGORITHMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """A token that was good when it was asked about."""

    claims: Claims
    owner: Any
    """What ``check_alive`` returned: the owning user, if the token has one who is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVerifier:
    """Verify access tokens of one issuer for one audience; safe to share between threads."""

    keys: Callable[[], KeySet]
    """Asked at each verification for the keys of that moment."""
    check_alive: Callable[[Claims], Any]
    """Asked at each verification; raises ``InvalidToken`` if the token has been revoked."""
    issuer: str
    audience: str
    leeway_seconds: int = 0
    """For clocks that differ; 0 where one clock issues and verifies."""

    def verify(self, token: str, *, now: float) -> VerifiedToken:
        """Return what a good token says: signature, type, claims, revocation, then expiry.

        ``now`` is in seconds since the epoch. Raises ``ExpiredToken`` if nothing but the expiry
        is wrong and ``InvalidToken`` for every other fault.
        """
        claims = parse_claims(self._verify_signature(token))
        if claims.issuer != self.issuer:
            raise InvalidToken(reason="wrong_issuer")
        if self.audience not in claims.audience:
            raise InvalidToken(reason="wrong_audience")
        if claims.not_before is not None and now < claims.not_before - self.leeway_seconds:
            raise InvalidToken(reason="not_yet_valid")
        owner = self.check_alive(claims)
        if now >= claims.expires_at + self.leeway_seconds:
            raise ExpiredToken(reason="expired")
        return VerifiedToken(claims=claims, owner=owner)

    def _verify_signature(self, token: str) -> bytes:
        # Length, then shape, then anything else: PyJWT has no limit and takes more than one form.
        if len(token) > MAX_TOKEN_LENGTH or _COMPACT_JWS.fullmatch(token) is None:
            raise InvalidToken(reason="malformed_token")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise InvalidToken(reason="malformed_header") from error
        if not _FORBIDDEN_PARAMETERS.isdisjoint(header):
            raise InvalidToken(reason="forbidden_header_parameter")
        token_type = header.get("typ")
        if not isinstance(token_type, str) or token_type.lower() not in _TOKEN_TYPES:
            raise InvalidToken(reason="wrong_type")
        key = self.keys().verification_key(header.get("kid", ""))
        if key is None:
            raise InvalidToken(reason="unknown_kid")
        try:
            payload: bytes = _JWS.decode(token, key.public_key, algorithms=[key.algorithm])
        except jwt.PyJWTError as error:
            raise InvalidToken(reason="bad_signature") from error
        return payload
