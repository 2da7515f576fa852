"""ES256 signature check with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib
from typing import TypeAlias

Point: TypeAlias = tuple[int, int]

# The curve P-256: y² = x³ - 3x + b over a prime field (SP 800-186, section 3.2.1.3).
_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def is_signed(signed: str, signature: bytes, key: dict[str, str]) -> bool:
    """Tell whether it is an ES256 signature by the JWK (FIPS 186-5, section 6.4.2)."""
    r, s = (int.from_bytes(each) for each in (signature[:32], signature[32:]))
    digest = int.from_bytes(hashlib.sha256(signed.encode()).digest())
    inverse = pow(s, -1, _ORDER)
    public = (int.from_bytes(decode(key["x"])), int.from_bytes(decode(key["y"])))
    point = _sum(
        _multiple(digest * inverse % _ORDER, _BASE), _multiple(r * inverse % _ORDER, public)
    )
    return point is not None and point[0] % _ORDER == r


def _multiple(number: int, point: Point) -> Point | None:
    found, doubled = None, point
    while number:
        if number & 1:
            found = _sum(found, doubled)
        doubled = _sum(doubled, doubled) or doubled
        number >>= 1
    return found


def _sum(left: Point | None, right: Point | None) -> Point | None:
    """Add two points of the curve; ``None`` is the point at infinity."""
    if left is None or right is None:
        return left or right
    if left[0] == right[0]:
        if left[1] != right[1]:
            return None
        slope = (3 * left[0] ** 2 - 3) * pow(2 * left[1], -1, _PRIME)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, _PRIME)
    x = (slope**2 - left[0] - right[0]) % _PRIME
    return x, (slope * (left[0] - x) - left[1]) % _PRIME


def decode(part: str) -> bytes:
    """Decode base64url without its padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
