"""RS256 signature check with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib

# What PKCS #1 v1.5 puts before a SHA-256 digest (RFC 8017, section 9.2, note 1).
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def is_signed(signed: str, signature: bytes, key: dict[str, str]) -> bool:
    """Tell whether it is an RS256 signature by the JWK (RFC 8017, section 8.2.2)."""
    modulus, exponent = (int.from_bytes(decode(key[name])) for name in ("n", "e"))
    length = (modulus.bit_length() + 7) // 8
    digest = _SHA256_PREFIX + hashlib.sha256(signed.encode()).digest()
    padding = b"\xff" * (length - len(digest) - 3)
    opened = pow(int.from_bytes(signature), exponent, modulus).to_bytes(length)
    return opened == b"\x00\x01" + padding + b"\x00" + digest


def decode(part: str) -> bytes:
    """Decode base64url without its padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
