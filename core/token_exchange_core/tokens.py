"""Claims of an access token, and their encoding and decoding.

The profile is RFC 9068, with two claims of our own: ``org``, the organization's id, and ``gen``,
the generation of the credential, by which tokens are revoked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from jwt.utils import base64url_decode, base64url_encode

from token_exchange_core import strict_json
from token_exchange_core.errors import InvalidToken

TOKEN_TYPE: Final = "at+jwt"  # RFC 9068, section 2.1

USER_SUBJECT_PREFIX: Final = "user:"
"""Starts the ``sub`` of a user's token; no identifier of ours contains a colon."""

# The seconds since the epoch that a calendar has, from the year 1 to the year 9999.
_TIMES: Final = range(-62_135_596_800, 253_402_300_800)
# The whole numbers that every JSON parser reads as they were written (RFC 7493, section 2.2).
_NUMBERS: Final = range(2**53)
# Half a character, which UTF-8 cannot encode (RFC 7493, section 2.1), and control characters, which
# databases refuse.
_UNUSABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

_KEYS_KEPT: Final = 16
_CLAIMS_KEPT: Final = 1024
"""Client apps request the same token again and again."""

_JSON: Final = json.JSONEncoder(separators=(",", ":"))

_Claims: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of one access token, present and typed (RFC 9068, section 2.2)."""

    issuer: str
    subject: str
    """The credential's identifier, or ``user:<pk>``."""
    audience: tuple[str, ...]
    """At least one."""
    client_id: str
    """The credential's identifier."""
    scopes: frozenset[str]
    issued_at: int
    """Seconds since the epoch."""
    expires_at: int
    """Seconds since the epoch; the token is invalid from this second on."""
    jti: str
    organization_id: str
    """The claim ``org``."""
    generation: int
    """The claim ``gen``: the credential's generation when this token was issued."""
    not_before: int | None = None
    """Seconds since the epoch; our own tokens do not have it, because they are valid at once."""

    @property
    def scope(self) -> str:
        """The scopes as sent: sorted and joined by spaces (RFC 6749, section 3.3)."""
        return " ".join(sorted(self.scopes))

    @property
    def user_id(self) -> str | None:
        """The primary key of the owning user, as text; ``None`` for a machine token."""
        if self.subject.startswith(USER_SUBJECT_PREFIX):
            return self.subject.removeprefix(USER_SUBJECT_PREFIX)
        return None


def signing_input(claims: Claims, *, kid: str, algorithm: str) -> str:
    """Return the encoded header and payload: the token without its signature."""
    payload = {
        "iss": claims.issuer,
        "sub": claims.subject,
        "aud": claims.audience[0] if len(claims.audience) == 1 else list(claims.audience),
        "client_id": claims.client_id,
        "scope": claims.scope,
        "iat": claims.issued_at,
        "exp": claims.expires_at,
        "jti": claims.jti,
        "org": claims.organization_id,
        "gen": claims.generation,
    }
    return f"{_header(kid, algorithm)}.{_encode(payload)}"


@lru_cache(maxsize=_KEYS_KEPT)
def _header(kid: str, algorithm: str) -> str:
    return _encode({"alg": algorithm, "kid": kid, "typ": TOKEN_TYPE})


def kid_of(signing_input: str) -> str:
    """Return the key id in a signing input."""
    return _kid(signing_input.partition(".")[0])


@lru_cache(maxsize=_KEYS_KEPT)
def _kid(header: str) -> str:
    kid: str = strict_json.loads(base64url_decode(header))["kid"]
    return kid


@lru_cache(maxsize=_CLAIMS_KEPT)
def claims_of(signing_input: str) -> Claims:
    """Return the claims in a signing input."""
    return parse_claims(base64url_decode(signing_input.partition(".")[2]))


def parse_claims(payload: bytes) -> Claims:
    """Parse the claims of a token whose signature has been verified.

    Raises ``InvalidToken`` unless every claim is present once, has the right type and a value that
    views and databases can use, and the subject is the credential or a user.
    """
    try:
        claims: object = strict_json.loads(payload)
    except ValueError as error:
        raise InvalidToken(reason="malformed_claims") from error
    if not isinstance(claims, dict):
        raise InvalidToken(reason="malformed_claims")
    if "cnf" in claims:  # bound to a key, and so not a bearer token (RFC 9449, section 7.2)
        raise InvalidToken(reason="claim_cnf")
    client_id = _text(claims, "client_id")
    return Claims(
        issuer=_text(claims, "iss"),
        subject=_subject(claims, client_id=client_id),
        audience=_audience(claims),
        client_id=client_id,
        scopes=frozenset(_text(claims, "scope", empty=True).split()),
        issued_at=_integer(claims, "iat", _TIMES),
        expires_at=_integer(claims, "exp", _TIMES),
        jti=_text(claims, "jti"),
        organization_id=_text(claims, "org"),
        generation=_integer(claims, "gen", _NUMBERS),
        not_before=_integer(claims, "nbf", _TIMES) if "nbf" in claims else None,
    )


def _encode(part: _Claims) -> str:
    return base64url_encode(_JSON.encode(part).encode()).decode()


def _text(claims: _Claims, name: str, *, empty: bool = False) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not (value or empty) or _UNUSABLE.search(value):
        raise InvalidToken(reason=f"claim_{name}")
    return value


def _subject(claims: _Claims, *, client_id: str) -> str:
    """Return the claim ``sub``: a user, or else the credential (RFC 9068, section 5)."""
    subject = _text(claims, "sub")
    is_user = subject.startswith(USER_SUBJECT_PREFIX) and subject != USER_SUBJECT_PREFIX
    if is_user == (subject == client_id):
        raise InvalidToken(reason="claim_sub")
    return subject


def _integer(claims: _Claims, name: str, allowed: range) -> int:
    value = claims.get(name)
    if type(value) is not int or value not in allowed:  # bool is an int to isinstance
        raise InvalidToken(reason=f"claim_{name}")
    return value


def _audience(claims: _Claims) -> tuple[str, ...]:
    value = claims.get("aud")
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise InvalidToken(reason="claim_aud")
    if not all(isinstance(each, str) and each and not _UNUSABLE.search(each) for each in values):
        raise InvalidToken(reason="claim_aud")
    return tuple(values)
