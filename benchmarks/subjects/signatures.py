"""What does a JWT cost that is made and checked by hand, with a parsed key and no library?"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

_COORDINATE = 32
_ECDSA = ec.ECDSA(SHA256())
_DETERMINISTIC_ECDSA = ec.ECDSA(SHA256(), deterministic_signing=True)


class Es256:
    """ECDSA on P-256 (RFC 7518, section 3.4), with the nonce of RFC 6979."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._public = self._private.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        r, s = decode_dss_signature(self._private.sign(data, _DETERMINISTIC_ECDSA))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise for a signature that is not ours."""
        r = int.from_bytes(signature[:_COORDINATE], "big")
        s = int.from_bytes(signature[_COORDINATE:], "big")
        self._public.verify(encode_dss_signature(r, s), data, _ECDSA)


class Rs256:
    """RSA of 2048 bits with PKCS #1 v1.5 (RFC 7518, section 3.3)."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(65537, 2048)
        self._public = self._private.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._private.sign(data, padding.PKCS1v15(), SHA256())

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise for a signature that is not ours."""
        self._public.verify(signature, data, padding.PKCS1v15(), SHA256())


class EdDsa:
    """Ed25519 (RFC 8037)."""

    def __init__(self) -> None:
        self._private = ed25519.Ed25519PrivateKey.generate()
        self._public = self._private.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._private.sign(data)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise for a signature that is not ours."""
        self._public.verify(signature, data)


KEYS: dict[str, Any] = {"ES256": Es256, "RS256": Rs256, "EdDSA": EdDsa}


def encode(data: bytes) -> bytes:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """Return what ``encode`` was given."""
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def header(algorithm: str) -> bytes:
    """Return the encoded header of all tokens."""
    return encode(_json({"alg": algorithm, "kid": "k" * 43, "typ": "at+jwt"}))


def unsigned(encoded_header: bytes, claims: dict[str, Any]) -> bytes:
    """Return the header and the claims, which is what is signed."""
    return encoded_header + b"." + encode(_json(claims))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
