"""Verification of bearer tokens: signature, claims, revocation and expiry."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from jwt.utils import base64url_decode, base64url_encode

from token_exchange_core import strict_json
from token_exchange_core.errors import ExpiredToken, InvalidToken
from token_exchange_core.keys import KeySet, VerificationKey
from token_exchange_core.process_state import ProcessState
from token_exchange_core.revocation_set import RevocationSet
from token_exchange_core.secret_text import SecretText
from token_exchange_core.tokens import TOKEN_TYPE, Claims, parse_claims

MAX_TOKEN_LENGTH: Final = 8192

DEFAULT_CACHE_SIZE: Final = 10_000
"""Tokens that a verifier remembers by default."""

_COMPACT_JWS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TOKEN_TYPES: Final = frozenset({TOKEN_TYPE, f"application/{TOKEN_TYPE}"})
# RFC 7515, section 4.1, and RFC 7797: each would make us take a key or a payload from elsewhere.
_FORBIDDEN_PARAMETERS: Final = frozenset(
    {"b64", "crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"}
)
_HEADERS_KEPT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """A token that was valid when it was verified."""

    claims: Claims
    owner: Any = None
    """The user the token acts as, if it acts as one that this service has."""


class TokenVerifier:
    """Verify access tokens of one issuer for one audience; safe to share between threads.

    A token with a valid signature and valid claims is remembered by its digest, so that the
    signature is checked once and not at each request. What can change is checked each time: the
    keys, the revocations and the clock. The ``cache_size`` tokens that were used last are
    remembered; 0 remembers none.
    """

    def __init__(
        self,
        *,
        keys: Callable[[], KeySet],
        revocations: Callable[[], RevocationSet],
        issuer: str,
        audience: str,
        leeway_seconds: int = 0,
        cache_size: int = DEFAULT_CACHE_SIZE,
    ) -> None:
        """Set what to verify against.

        ``keys`` and ``revocations`` are called at each verification, and may raise. The leeway is
        for clocks that differ; 0 where one clock issues and verifies.
        """
        self._keys = keys
        self._revocations = revocations
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds
        self._verified = _VerifiedTokens(cache_size)

    def verify(self, token: str | SecretText, *, now: float) -> Claims:
        """Check signature, type, claims, revocation, then expiry; return the claims.

        ``now`` is in seconds since the epoch. Raises ``ExpiredToken`` if nothing but the expiry
        is wrong and ``InvalidToken`` for every other fault.
        """
        token = SecretText.of(token)
        claims = self.verify_but_expiry(token, now=now)
        self.check_expiry(claims, now=now)
        return claims

    def verify_but_expiry(self, token: str | SecretText, *, now: float) -> Claims:
        """Verify all but the expiry and return the claims; raises as ``verify`` does.

        For callers with further checks that must be reported before expiry.
        """
        # Keys and revocations may be read from a database: no frame holds the text then.
        token = SecretText.of(token)
        digest = _digest(token.text)
        verified = self._verified.get(digest)
        if verified is None:
            # Check the form first: PyJWT accepts more than one.
            if _COMPACT_JWS.fullmatch(token.text) is None:
                raise InvalidToken(reason="malformed_token")
            kid, payload = _verify_signature(token, self._keys())
            claims = self._check_claims(parse_claims(payload))
            if now < claims.expires_at + self._leeway_seconds:
                self._verified.add(digest, (kid, claims))
        else:
            kid, claims = verified
            if self._keys().verification_key(kid) is None:
                self._verified.discard(digest)
                raise InvalidToken(reason="unknown_kid")
        if claims.not_before is not None and now < claims.not_before - self._leeway_seconds:
            raise InvalidToken(reason="not_yet_valid")
        self._revocations().check(claims, kid=kid)
        return claims

    def check_sources(self) -> None:
        """Raise whatever prevents every verification at the moment; for a readiness probe."""
        self._keys()
        self._revocations()

    def check_expiry(self, claims: Claims, *, now: float) -> None:
        """Raise ``ExpiredToken`` if the token with these claims has expired at ``now``."""
        if now >= claims.expires_at + self._leeway_seconds:
            raise ExpiredToken(reason="expired")

    def _check_claims(self, claims: Claims) -> Claims:
        if claims.issuer != self._issuer:
            raise InvalidToken(reason="wrong_issuer")
        if self._audience not in claims.audience:
            raise InvalidToken(reason="wrong_audience")
        return claims


class _VerifiedTokens(ProcessState):
    """The tokens that were used last, by digest: the key id and the claims of each.

    There is no lock. Each line is a single step that no other thread can interrupt. If another
    thread works between two lines, a token may lose its place and be verified once more, but no
    token gets a place without having been verified.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._tokens: OrderedDict[bytes, tuple[str, Claims]] = OrderedDict()
        super().__init__()

    def get(self, digest: bytes) -> tuple[str, Claims] | None:
        try:
            self._tokens.move_to_end(digest)
            return self._tokens[digest]
        except KeyError:
            return None

    def add(self, digest: bytes, verified: tuple[str, Claims]) -> None:
        self._tokens[digest] = verified
        if len(self._tokens) > self._size:
            with contextlib.suppress(KeyError):
                self._tokens.popitem(last=False)

    def discard(self, digest: bytes) -> None:
        self._tokens.pop(digest, None)

    def clear(self) -> None:
        self._tokens.clear()


def _digest(token: str) -> bytes:
    """Return the digest by which a token is remembered."""
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise InvalidToken(reason="malformed_token")
    # Not SHA-256, which costs twice as much on processors without instructions for it.
    return hashlib.blake2b(token.encode(), digest_size=32).digest()


def _verify_signature(token: SecretText, keys: KeySet) -> tuple[str, bytes]:
    """Return the key id and the payload of a token signed by one of the keys."""
    kid, algorithm = _read_header(token.text.partition(".")[0])
    key = keys.verification_key(kid)
    if key is None:
        raise InvalidToken(reason="unknown_kid")
    return key.kid, _payload(token.text, key, algorithm=algorithm)


def _payload(token: str, key: VerificationKey, *, algorithm: object) -> bytes:
    """Return the payload of a token that this key signed."""
    signing_input, _, signature = token.rpartition(".")
    try:
        raw_signature = base64url_decode(signature)
        # The last character has unused bits, so that two different texts would be the same token.
        if base64url_encode(raw_signature) != signature.encode():
            raise ValueError("not canonical base64url")
        key.verify(signing_input.encode(), raw_signature, algorithm=algorithm)
        return base64url_decode(signing_input.partition(".")[2])
    except ValueError as error:
        raise InvalidToken(reason="bad_signature") from error


# All tokens signed with one key have the same header.
@lru_cache(maxsize=_HEADERS_KEPT)
def _read_header(header: str) -> tuple[str, object]:
    """Return the key id and the algorithm in a header."""
    try:
        members = strict_json.loads(base64url_decode(header))
    except ValueError as error:
        raise InvalidToken(reason="malformed_header") from error
    if not isinstance(members, dict):
        raise InvalidToken(reason="malformed_header")
    if not _FORBIDDEN_PARAMETERS.isdisjoint(members):
        raise InvalidToken(reason="forbidden_header_parameter")
    token_type, kid = members.get("typ"), members.get("kid", "")
    if not isinstance(token_type, str) or token_type.lower() not in _TOKEN_TYPES:
        raise InvalidToken(reason="wrong_type")
    if not isinstance(kid, str):
        raise InvalidToken(reason="malformed_header")
    return kid, members.get("alg")
