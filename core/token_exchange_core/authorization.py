"""Parsing of the Authorization header.

The grammar is that of RFC 9110, section 11.4; the Basic scheme is RFC 7617's and Bearer is
RFC 6750's, whose token may also arrive base64-encoded once more.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from token_exchange_core.errors import InvalidClient, InvalidRequest, MalformedAuthorization

MAX_HEADER_LENGTH: Final = 8192

API_KEY: Final = "apikey"
BASIC: Final = "basic"
BEARER: Final = "bearer"
SCHEMES: Final = frozenset({API_KEY, BASIC, BEARER})

_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Authorization:
    """An Authorization header, split into scheme and parameter."""

    scheme: str
    """In lower case, because case does not matter (RFC 9110, section 11.1)."""
    parameter: str = field(repr=False)
    """The rest of the header, without surrounding spaces; may be empty."""


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """A user and a password, as RFC 7617 sends them."""

    client_id: str
    raw_client_secret: str = field(repr=False)


def parse_authorization(header: str | None) -> Authorization | None:
    """Split the header's value into scheme and parameter, or return ``None`` if there is none.

    Raises ``MalformedAuthorization`` where one of our own schemes has a value longer than
    ``MAX_HEADER_LENGTH`` or with characters other than printable ASCII, and ``InvalidRequest``
    where the header was sent twice: servers join repeated headers with a comma, which no parameter
    of our schemes contains. Parameters of other schemes are not checked. Bearer tokens are checked
    by ``check_bearer``.
    """
    if header is None or not (value := header.strip(" \t")):
        return None
    scheme, _, parameter = value.partition(" ")
    scheme = scheme.lower()
    if scheme in SCHEMES:
        if len(value) > MAX_HEADER_LENGTH:
            raise MalformedAuthorization(
                "The Authorization header is too long.", reason="header_too_long"
            )
        # The characters of a Bearer token are checked when the token is verified.
        if not value.isascii() or (scheme != BEARER and not value.isprintable()):
            raise MalformedAuthorization(
                "The Authorization header has invalid characters.", reason="header_characters"
            )
        if "," in value:
            raise InvalidRequest(
                "The Authorization header must be sent once.", reason="header_repeated"
            )
    return Authorization(scheme, parameter.strip(" "))


def parse_basic(parameter: str) -> BasicCredentials:
    """Decode the parameter of the Basic scheme (RFC 7617; RFC 6749, section 2.3.1).

    Both parts are form-decoded, which does not change ids and secrets that we issue. Raises
    ``InvalidClient`` for bad base64, bytes that are not UTF-8, a missing colon or an empty part.
    """
    try:
        pair = _decode(parameter).decode("utf-8")
    except ValueError as error:
        raise InvalidClient(reason="malformed_basic") from error
    client_id, colon, raw_client_secret = pair.partition(":")
    if not (client_id and colon and raw_client_secret):
        raise InvalidClient(reason="malformed_basic")
    return BasicCredentials(unquote_plus(client_id), unquote_plus(raw_client_secret))


def _decode(text: str) -> bytes:
    """Decode base64; raises ``ValueError`` for text that encoding does not give.

    The last character can have bits that mean nothing (RFC 4648, section 3.5), so that several
    texts would be the same credential.
    """
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded) != text.encode("ascii"):
        raise ValueError("not canonical base64")
    return decoded


def check_bearer(parameter: str) -> None:
    """Raise ``InvalidRequest`` if the parameter of the Bearer scheme is not a single token.

    Only needed once a token is refused, to choose between the errors of RFC 6750, section 3.1.
    """
    if _TOKEN68.fullmatch(parameter) is None:
        raise InvalidRequest(
            "The Authorization header must be: Bearer, one space, one token.",
            reason="malformed_bearer",
        )


def raw_token(parameter: str) -> str:
    """Return the token, raw, from the parameter of the Bearer scheme (RFC 6750, section 2.1).

    A raw JWT has dots and base64 has none, so a parameter without dots is decoded once. A parameter
    that cannot be decoded is returned unchanged, and verification refuses it.
    """
    if "." in parameter:
        return parameter
    padded = parameter.rstrip("=")
    padded += "=" * (-len(padded) % 4)
    try:
        return _decode(padded).decode("ascii")
    except ValueError:
        # It may be another issuer's opaque token: then the token is wrong, not the request.
        return parameter
