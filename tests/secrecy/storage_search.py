"""Search for secrets in everything that is stored, logged or sent."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from token_exchange_core.keys import SigningKey

_ENCODED = re.compile(r"[A-Za-z0-9_\-+/]{16,}={0,2}")
_DEPTH = 3


class Secrets:
    """Everything that must not be found, in each form in which it might lie about."""

    def __init__(self) -> None:
        self.forms: dict[str, str] = {}
        """Form → whose it is."""

    def add(self, secret: str, whose: str) -> None:
        """Remember a text; of our own secrets and of tokens the telling part alone as well."""
        assert len(secret) >= 20
        forms = [secret, base64.b64encode(secret.encode()).decode().rstrip("=")]
        if re.search(r"\.[\w-]{40,}$", secret):
            forms.append(secret.rpartition(".")[2])
        self.forms |= dict.fromkeys(forms, whose)

    def add_bytes(self, secret: bytes, whose: str) -> None:
        """Remember bytes, as text of base64, of hexadecimal digits and of Python."""
        forms = [
            base64.b64encode(secret).decode().rstrip("="),
            base64.urlsafe_b64encode(secret).decode().rstrip("="),
            secret.hex(),
            repr(secret)[2:-1],
        ]
        self.forms |= dict.fromkeys(forms, whose)

    def add_key(self, key: SigningKey, whose: str) -> None:
        """Remember what is private of it, in its wrapping and without."""
        self.add_bytes(key.private_bytes(), whose)
        private = key.private_key
        if isinstance(private, Ed25519PrivateKey):
            self.add_bytes(private.private_bytes_raw(), f"a part of {whose}")
            return
        numbers = private.private_numbers()
        for name in ("d", "p", "q", "private_value"):
            if (number := getattr(numbers, name, None)) is not None:
                raw = number.to_bytes((number.bit_length() + 7) // 8)
                self.add_bytes(raw, f"a part of {whose}")

    def found_in(self, place: str, texts: Iterable[str]) -> list[str]:
        """Tell whose secrets lie in the texts, or in what is packed inside them."""
        found = set()
        for text in texts:
            for layer in unwrapped(text):
                found |= {whose for form, whose in self.forms.items() if form in layer}
        return [f"{whose} in {place}" for whose in sorted(found)]


def unwrapped(text: str, depth: int = _DEPTH) -> Iterator[str]:
    """The text, and what its pieces are if base64, compressed or not: cookies and sessions."""
    yield text
    if depth:
        for piece in _ENCODED.findall(text):
            for inner in _decoded(piece):
                yield from unwrapped(inner, depth - 1)


def _decoded(piece: str) -> Iterator[str]:
    padded = piece.rstrip("=") + "=" * (-len(piece.rstrip("=")) % 4)
    try:
        raw = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        return
    yield raw.decode("latin-1")
    try:
        yield zlib.decompress(raw).decode("latin-1")
    except zlib.error:
        return


def database_dump() -> dict[str, list[str]]:
    """Every row of every table as text."""
    dump = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            dump[table] = ["\n".join(map(_text, row)) for row in cursor.fetchall()]
    return dump


def _text(value: Any) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("latin-1")
    return str(value)
