"""Other issuers' keys: valid ones, and each kind of unusable one."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from tests.support.fake_issuer import JWKS_PATH, WAIT_SECONDS, Issuer
from token_exchange_core.keys import SigningKey
from token_exchange_core.remote import RemoteKeys

KEY, OTHER_KEY = (SigningKey.generate("EdDSA") for _ in range(2))
GOOD = dict(KEY.public.public_jwk)


def make_keys(issuer: Issuer, **options: Any) -> RemoteKeys:
    values = {"timeout_seconds": WAIT_SECONDS, **options}
    return RemoteKeys(f"{issuer.url}{JWKS_PATH}", **values)


def knows(keys: RemoteKeys, key: SigningKey = KEY) -> bool:
    known = keys().verification_key(key.kid)
    return known is not None and known.public_jwk == key.public.public_jwk


def rsa_jwk(*, bits: int = 2048, exponent: int = 65537, **members: Any) -> dict[str, Any]:
    """Return an RSA key, weaker than any that is made here."""
    jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, bits).public_key(), as_dict=True)
    encoded = base64url_encode(exponent.to_bytes((exponent.bit_length() + 7) // 8)).decode()
    return {**jwk, "alg": "RS256", "use": "sig", "e": encoded, **members}


def curve_jwk(curve: Any, **members: Any) -> dict[str, Any]:
    public_key = ec.generate_private_key(curve).public_key()
    return {**ECAlgorithm.to_jwk(public_key, as_dict=True), "alg": "ES256", **members}


UNUSABLE: dict[str, Any] = {
    "not an object": "key",
    "nothing": None,
    "empty": {},
    "unknown type": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "x"},
    "unknown algorithm": {**GOOD, "alg": "EdDSA2"},
    "no algorithm": {name: value for name, value in GOOD.items() if name != "alg"},
    "algorithm of another type": {**GOOD, "alg": "RS256"},
    "algorithm that is no text": {**GOOD, "alg": ["EdDSA"]},
    "none": {**GOOD, "alg": "none"},
    "symmetric": {"kty": "oct", "alg": "HS256", "k": "AAAA", "kid": "x"},
    "unknown curve": {**GOOD, "crv": "Ed448"},
    "other curve": curve_jwk(ec.SECP384R1()),
    "short coordinate": {**curve_jwk(ec.SECP256R1()), "x": "AAAA"},
    "point that is on no curve": {
        **curve_jwk(ec.SECP256R1()),
        "y": base64url_encode(b"\1" * 32).decode(),
    },
    "number for a text": {**GOOD, "x": 5},
    "text that is no base64": {**GOOD, "x": "*"},
    "private": {**GOOD, "d": "AAAA"},
    "private RSA": rsa_jwk(p="AAAA"),
    "to encrypt": {**GOOD, "use": "enc"},
    "to sign with": {**GOOD, "key_ops": ["sign"]},
    "operations that are no list": {**GOOD, "key_ops": "verify"},
    "RSA of 1024 bits": rsa_jwk(bits=1024),
    "RSA of 200,000 bits": rsa_jwk(n=base64url_encode(b"\xff" * 25_000).decode()),
    "RSA of 16,384 bits": rsa_jwk(n=base64url_encode(b"\xff" * 2048).decode()),
    "RSA with an exponent of 1": rsa_jwk(exponent=1),
    "RSA with an even exponent": rsa_jwk(exponent=65536),
    "RSA with a large exponent": rsa_jwk(exponent=2**32 + 1),
}
