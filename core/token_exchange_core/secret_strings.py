"""API keys, client ids and client secrets: generate, parse, check, find in text, digest.

Every secret is one string::

    <prefix>_<environment>.<id>.<secret><checksum>

with an id of 12 characters, a secret of 43 (256 bits) and a checksum of 6. A client id, which is
public, is ``<prefix>_<environment>.<id><checksum>``. The alphabet ``[A-Za-z0-9_.]`` survives URL
and form encoding unchanged. The checksum (CRC-32 in base 62 of everything before it) rejects
typing errors and random guesses before any database work; it is no protection on its own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from token_exchange_core.errors import InvalidClient

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6

# The digits of all numbers below 62 * 62, two each.
_PAIRS: Final = [high + low for high in BASE62 for low in BASE62]

# The first 248 of 256 values map evenly to 62 characters; the others are drawn again.
_CHARACTERS: Final = bytes(ord(BASE62[byte % 62]) for byte in range(256))
_UNEVEN: Final = bytes(range(256 - 256 % 62, 256))

_PREFIX_TEXT: Final = "[a-z][a-z0-9]{0,15}_[a-z][a-z0-9]{0,15}"
_ID_TEXT: Final = rf"\.[0-9A-Za-z]{{{ID_LENGTH}}}"
_BODY_TEXT: Final = f"[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
_SECRET_TAIL_TEXT: Final = rf"{_ID_TEXT}\.{_BODY_TEXT}"
PREFIX_PATTERN: Final = re.compile(_PREFIX_TEXT)
_SECRET_TAIL: Final = re.compile(_SECRET_TAIL_TEXT)
_CLIENT_ID_TAIL: Final = re.compile(rf"\.[0-9A-Za-z]{{{ID_LENGTH + CHECKSUM_LENGTH}}}")

# Secrets in text that people write or paste, whatever the prefix. The first form may be cut off at
# the end, the second at the beginning, and the third is all after the last dot.
_IDENTIFIER: Final = re.compile(rf"({_PREFIX_TEXT}{_ID_TEXT})\.[0-9A-Za-z]")
_TOKEN_TEXT: Final = r"eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)?"
_REDACTED: Final = re.compile(
    rf"({_PREFIX_TEXT}{_ID_TEXT}\.)[0-9A-Za-z]+"
    rf"|({_ID_TEXT}\.){_BODY_TEXT}"
    rf"|(?<![0-9A-Za-z]){_BODY_TEXT}(?![0-9A-Za-z])"
    rf"|{_TOKEN_TEXT}"
)
_SUSPECTED: Final = re.compile(rf"{_REDACTED.pattern}|[0-9A-Za-z]{{{SECRET_LENGTH}}}")

# All or nearly all of a secret, of any deployment: also without its identifier, cut off at the end,
# or in base64. The look-aheads let long words and hexadecimal digests pass; they are bounded,
# because the search repeats them at every character.
_CASE: Final = f"{{0,{SECRET_LENGTH - 1}}}"
_MOST_OF_A_SECRET: Final = re.compile(
    rf"(?=[0-9a-z]{_CASE}[A-Z])(?=[0-9A-Z]{_CASE}[a-z])[0-9A-Za-z]{{{SECRET_LENGTH}}}"
    rf"|{_TOKEN_TEXT}"
)

# The length-prefixed label separates these digests from every other use of SHA-256.
_DIGEST_LABEL: Final = b"\x1ftoken_exchange.secret_digest.v1"

# Compared with when there is no digest, so that a miss takes as long as a hit.
NO_DIGEST: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretString:
    """A secret that was just generated; only its digest is stored."""

    identifier: str
    """Everything before the last dot, which is public, for example ``sk_live.4fGh…``."""
    raw_secret: str = field(repr=False)
    """The whole string."""

    @property
    def digest(self) -> str:
        """The digest of the secret, as ``ReceivedSecret`` has it."""
        return _digest(self.raw_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSecret:
    """What authentication needs of a secret that a client sent.

    It takes the secret's place as soon as a request is parsed: error reporters show the variables
    of each stack frame, so no frame may hold the secret itself while a query runs.
    """

    identifier: str
    """The public identifier of the credential: of an API key, everything before the last dot."""
    digest: str = field(repr=False)
    """The domain-separated SHA-256 of the secret, in 64 hexadecimal digits.

    A slow password hash would not add security, because the secret has 256 random bits.
    """


def _digest(raw_secret: str) -> str:
    return hashlib.sha256(_DIGEST_LABEL + raw_secret.encode("ascii")).hexdigest()


def _checksum(text: str) -> str:
    value, low = divmod(zlib.crc32(text.encode("ascii")), len(_PAIRS))
    high, middle = divmod(value, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def _has_checksum(text: str) -> bool:
    return _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def random_text(length: int) -> str:
    """Return ``length`` random characters of base 62 (5.95 bits each), from the system's source."""
    text = b""
    while len(text) < length:
        text += secrets.token_bytes(length).translate(_CHARACTERS, _UNEVEN)
    return text[:length].decode("ascii")


def make_identifier(prefix: str) -> str:
    """Generate a public identifier, ``<prefix>.<id>``."""
    return f"{prefix}.{random_text(ID_LENGTH)}"


def make_secret(identifier: str) -> SecretString:
    """Generate a secret that begins with ``identifier``."""
    body = f"{identifier}.{random_text(SECRET_LENGTH)}"
    return SecretString(identifier=identifier, raw_secret=body + _checksum(body))


def parse_secret(text: str, *, prefix: str) -> ReceivedSecret:
    """Parse a secret of this ``<prefix>_<environment>`` by its form and checksum alone.

    Raises ``InvalidClient`` for anything else, whatever its length or characters.
    """
    if (
        not text.startswith(prefix)
        or _SECRET_TAIL.fullmatch(text, len(prefix)) is None
        or not _has_checksum(text)
    ):
        raise InvalidClient(reason="malformed_secret")
    return ReceivedSecret(identifier=text[: len(prefix) + 1 + ID_LENGTH], digest=_digest(text))


def make_client_id(prefix: str) -> str:
    """Generate a client id: ``<prefix>.<id><checksum>``."""
    return client_id_of(make_identifier(prefix))


def client_id_of(identifier: str) -> str:
    """Return the client id of this ``<prefix>.<id>``, with its checksum."""
    return identifier + _checksum(identifier)


def secret_pattern(prefix: str) -> str:
    """Return the regular expression of the secrets of this ``<prefix>_<environment>``.

    It works in every engine, also those without backtracking, and finds secrets anywhere in a text;
    only the checksum shows whether a match is one.
    """
    return prefix + _SECRET_TAIL_TEXT


def contains_secret(text: str) -> bool:
    """Return whether a secret or an access token, or most of one, seems to be in ``text``.

    Nothing that is a secret is missed, at the price of false alarms: any 43 letters and digits in
    a row count as the body of a secret.
    """
    return _SUSPECTED.search(text) is not None


def resembles_secret(text: str, *, prefixes: Iterable[str]) -> bool:
    """Return whether ``text`` has all or most of a secret or access token in it.

    A shorter part counts behind an identifier of this deployment, which ``prefixes`` tell from a
    name with two dots. For text that people store, where a false alarm stops their work.
    """
    return _MOST_OF_A_SECRET.search(text) is not None or any(
        re.search(rf"{prefix}{_ID_TEXT}\.[0-9A-Za-z]", text) for prefix in prefixes
    )


def redact_secrets(text: str) -> str:
    """Replace each secret and access token in ``text`` by ``[secret]``, but keep its identifier.

    For text that is stored. A part of a secret is replaced as well if its identifier is there.
    """
    return _REDACTED.sub(r"\1\2[secret]", text)


def find_identifier(text: str) -> str | None:
    """Return the identifier of the first secret in ``text``; the secret may be cut off."""
    match = _IDENTIFIER.search(text)
    return None if match is None else match[1]


def parse_client_id(text: str, *, prefix: str) -> str:
    """Return ``text`` if it has the form and checksum of a client id of this prefix.

    Raises ``InvalidClient`` for anything else.
    """
    if (
        not text.startswith(prefix)
        or _CLIENT_ID_TAIL.fullmatch(text, len(prefix)) is None
        or not _has_checksum(text)
    ):
        raise InvalidClient(reason="malformed_client_id")
    return text


def same_digest(left: str, right: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(left.encode("ascii"), right.encode("ascii"))
