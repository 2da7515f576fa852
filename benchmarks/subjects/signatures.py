"""JWTs signed and checked by hand, with a parsed key and no library."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

_COORDINATE = 32
_ECDSA = ec.ECDSA(SHA256())
_DETERMINISTIC_ECDSA = ec.ECDSA(SHA256(), deterministic_signing=True)


class Es256:
    """ECDSA on P-256 (RFC 7518, section 3.4), with the nonce of RFC 6979."""

    def __init__(self, private_key: Any) -> None:
        self._private = private_key
        self._public = private_key.public_key()

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
    """RSA of 3072 bits with PKCS #1 v1.5 (RFC 7518, section 3.3)."""

    def __init__(self, private_key: Any) -> None:
        self._private = private_key
        self._public = private_key.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._private.sign(data, padding.PKCS1v15(), SHA256())

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise for a signature that is not ours."""
        self._public.verify(signature, data, padding.PKCS1v15(), SHA256())


def generate(algorithm: str) -> str:
    """Make a private key, in PEM."""
    private_key: Any = (
        rsa.generate_private_key(65537, 3072)
        if algorithm == "RS256"
        else ec.generate_private_key(ec.SECP256R1())
    )
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def load(algorithm: str, pem: str) -> Es256 | Rs256:
    """Parse what ``generate`` made."""
    private_key = load_pem_private_key(pem.encode(), password=None)
    return Rs256(private_key) if algorithm == "RS256" else Es256(private_key)


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
