"""What does a secret look like, and how is it made, recognised, digested and compared?

Every secret is one string::

    <prefix>_<environment>.<id>.<secret><checksum>

with an id of 12 characters, a secret of 43 (256 bits) and a checksum of 6. A client id, which is
public, is ``<prefix>_<environment>.<id><checksum>``. The alphabet ``[A-Za-z0-9_.]`` survives URL
and form encoding unchanged. The checksum (CRC-32 in base 62 of all that stands before it) sorts
out typing errors and random guesses before any database work; it protects nothing by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

from token_exchange_core.errors import InvalidClient

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6

# The digits of all numbers below 62 * 62, two each.
_PAIRS: Final = [high + low for high in BASE62 for low in BASE62]

# Of 256 values the first 248 fall evenly on 62 characters; the others are drawn again.
_CHARACTERS: Final = bytes(ord(BASE62[byte % 62]) for byte in range(256))
_UNEVEN: Final = bytes(range(256 - 256 % 62, 256))

PREFIX_PATTERN: Final = re.compile(r"[a-z][a-z0-9]{0,15}_[a-z][a-z0-9]{0,15}")
_SECRET_TAIL_TEXT: Final = (
    rf"\.[0-9A-Za-z]{{{ID_LENGTH}}}\.[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
)
_SECRET_TAIL: Final = re.compile(_SECRET_TAIL_TEXT)
_CLIENT_ID_TAIL: Final = re.compile(rf"\.[0-9A-Za-z]{{{ID_LENGTH + CHECKSUM_LENGTH}}}")

# A length-prefixed label keeps these digests apart from every other use of SHA-256.
_DIGEST_LABEL: Final = b"\x1ftoken_exchange.secret_digest.v1"

# Compared against when there is nothing to compare with, so that a miss costs what a hit does.
NO_DIGEST: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretString:
    """A secret in its one moment of being known: just made, or just received."""

    identifier: str
    """Public: everything before the last dot, e.g. ``sk_live.4fGh…``."""
    raw_secret: str = field(repr=False)
    """The whole string, which opens the door."""

    @property
    def digest(self) -> str:
        """The domain-separated SHA-256 of the secret, in 64 hexadecimal digits.

        The secret is 256 random bits, so a slow password hash would buy nothing.
        """
        return hashlib.sha256(_DIGEST_LABEL + self.raw_secret.encode("ascii")).hexdigest()


def _checksum(text: str) -> str:
    value, low = divmod(zlib.crc32(text.encode("ascii")), len(_PAIRS))
    high, middle = divmod(value, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def _has_checksum(text: str) -> bool:
    return _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def random_text(length: int) -> str:
    """Draw ``length`` characters of base 62 from the system's random source (5.95 bits each)."""
    text = b""
    while len(text) < length:
        text += secrets.token_bytes(length).translate(_CHARACTERS, _UNEVEN)
    return text[:length].decode("ascii")


def make_identifier(prefix: str) -> str:
    """Draw a new public identifier, ``<prefix>.<id>``, to which secrets can be made."""
    return f"{prefix}.{random_text(ID_LENGTH)}"


def make_secret(identifier: str) -> SecretString:
    """Draw a new secret for ``identifier``, whose prefix it carries."""
    body = f"{identifier}.{random_text(SECRET_LENGTH)}"
    return SecretString(identifier=identifier, raw_secret=body + _checksum(body))


def parse_secret(text: str, *, prefix: str) -> SecretString:
    """Recognise a secret of this ``<prefix>_<environment>`` by shape and checksum alone.

    Raises ``InvalidClient`` for anything else, whatever its length or characters.
    """
    if (
        not text.startswith(prefix)
        or _SECRET_TAIL.fullmatch(text, len(prefix)) is None
        or not _has_checksum(text)
    ):
        raise InvalidClient(reason="malformed_secret")
    return SecretString(identifier=text[: len(prefix) + 1 + ID_LENGTH], raw_secret=text)


def make_client_id(prefix: str) -> str:
    """Draw a new client identifier: ``<prefix>.<id><checksum>``."""
    return client_id_of(make_identifier(prefix))


def client_id_of(identifier: str) -> str:
    """Return the client id of this ``<prefix>.<id>``, to which its checksum belongs."""
    return identifier + _checksum(identifier)


def secret_pattern(prefix: str) -> str:
    """Return the regular expression of the secrets of this ``<prefix>_<environment>``.

    It finds them wherever they stand, by constructs that every engine has, also one without
    backtracking; only the checksum tells whether what it found is one.
    """
    return prefix + _SECRET_TAIL_TEXT


def parse_client_id(text: str, *, prefix: str) -> str:
    """Return ``text`` if it has the shape and checksum of a client id of this prefix.

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
    """Compare two digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(left.encode("ascii"), right.encode("ascii"))
