"""Keys that sign and verify tokens, and the JWK Set that publishes them.

Each key has one algorithm, and that algorithm is used whatever a token's header names (RFC 8725,
section 3.1). Signatures are deterministic, so that signing the same bytes again gives the same
token: RS256 and EdDSA by nature, ES256 by RFC 6979.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt import PyJWK, PyJWTError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from token_exchange_core.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_KEY_BITS: Final = 3072
"""The size of new RSA keys, for 128 bits of strength (SP 800-57, part 1, section 5.6.1)."""

TOKENS_REMEMBERED: Final = 1024
"""Signatures that each key remembers; each takes about 2 KiB with the token's claims."""

# Those that verify. Smaller keys are weak (RFC 7518, section 3.3); larger keys and exponents are
# only slow.
_RSA_KEY_BITS: Final = range(2048, 8192 + 1)
_MAX_RSA_EXPONENT: Final = 2**32

# The members of a thumbprint (RFC 7638, section 3.2; RFC 8037, section 2). No other member of a JWK
# is public.
_PUBLIC_MEMBERS: Final = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
}

# Each algorithm needs one kind of key: type, curve and class of the private key.
_KINDS: Final = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
_PRIVATE_KEYS: Final[Mapping[str, type[PrivateKey]]] = {
    "RS256": rsa.RSAPrivateKey,
    "ES256": ec.EllipticCurvePrivateKey,
    "EdDSA": ed25519.Ed25519PrivateKey,
}

_P256_BYTES: Final = 32


class _DeterministicES256(ECAlgorithm):
    """ES256 with the nonce of RFC 6979, so that the same bytes give the same signature."""

    def __init__(self) -> None:
        super().__init__(SHA256, ec.SECP256R1)
        self._verification_algorithm = ec.ECDSA(SHA256())

    @cached_property
    def _signature_algorithm(self) -> ec.ECDSA:
        # Not before it is needed: OpenSSL before 3.2 verifies, and raises for this.
        return ec.ECDSA(SHA256(), deterministic_signing=True)

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        # Each number has as many bytes as the curve (RFC 7518, section 3.4).
        numbers = decode_dss_signature(key.sign(msg, self._signature_algorithm))
        return b"".join(number.to_bytes(_P256_BYTES, "big") for number in numbers)

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        r, s = sig[:_P256_BYTES], sig[_P256_BYTES:]
        if len(s) != _P256_BYTES:
            return False
        numbers = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        try:
            key.verify(numbers, msg, self._verification_algorithm)
        except InvalidSignature:
            return False
        return True


_ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "RS256": RSAAlgorithm(SHA256),
    "ES256": _DeterministicES256(),
    "EdDSA": OKPAlgorithm(),
}
ALGORITHMS: Final = frozenset(_ALGORITHMS)


def can_sign(algorithm: str) -> bool:
    """Return whether the OpenSSL that is linked here can sign with it, deterministically.

    For ES256 that is RFC 6979, which came with OpenSSL 3.2. Every version verifies.
    """
    try:
        ec.ECDSA(SHA256(), deterministic_signing=algorithm == "ES256")
    except UnsupportedAlgorithm:
        return False
    return True


def thumbprint(public_jwk: Mapping[str, Any]) -> str:
    """Return the key id of a public JWK: its SHA-256 thumbprint (RFC 7638)."""
    members = {name: public_jwk[name] for name in _PUBLIC_MEMBERS[public_jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64url_encode(hashlib.sha256(canonical.encode()).digest()).decode()


def _check_size(public_key: Any) -> None:
    """Raise ``ValueError`` for an RSA key whose numbers are too small or far too large."""
    if isinstance(public_key, rsa.RSAPublicKey) and not (
        public_key.key_size in _RSA_KEY_BITS and public_key.public_numbers().e < _MAX_RSA_EXPONENT
    ):
        raise ValueError("not an RSA key of a sensible size")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """The public half of a signing key."""

    kid: str
    """The RFC 7638 thumbprint."""
    algorithm: str
    """One of ``ALGORITHMS``."""
    public_jwk: Mapping[str, str]
    """As published: kty, kid, use, alg and the public members (RFC 7517, section 4)."""
    public_key: Any = field(repr=False)
    """Parsed once, because parsing costs more than many verifications."""

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> VerificationKey:
        """Parse a public JWK that names one of our algorithms; other members are dropped.

        Raises ``ValueError`` if it is not such a key.
        """
        try:
            algorithm = jwk["alg"]
            if _KINDS.get(algorithm) != (jwk["kty"], jwk.get("crv")):
                raise ValueError("not a key of one of our algorithms")
            public = {name: jwk[name] for name in _PUBLIC_MEMBERS[jwk["kty"]]}
            public |= {"kid": thumbprint(public), "use": "sig", "alg": algorithm}
            public_key = PyJWK(public).key
            _check_size(public_key)
        except (PyJWTError, AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a public JWK") from error
        return cls(kid=public["kid"], algorithm=algorithm, public_jwk=public, public_key=public_key)

    def verify(self, signing_input: bytes, signature: bytes, *, algorithm: object) -> None:
        """Raise ``ValueError`` unless this key made the signature, with its own algorithm.

        ``algorithm`` is the one in the token's header, which must be the key's (RFC 8725, 3.1).
        """
        if algorithm != self.algorithm or not _ALGORITHMS[self.algorithm].verify(
            signing_input, self.public_key, signature
        ):
            raise ValueError("not a signature of this key")


def _generate(algorithm: str) -> PrivateKey:
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(65537, RSA_KEY_BITS)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            raise ValueError(f"not one of our algorithms: {algorithm}")


class SigningKey:
    """A private key, parsed, with its public half."""

    def __init__(self, *, public: VerificationKey, private_key: PrivateKey) -> None:
        self.public = public
        self.private_key = private_key
        self.sign_again = lru_cache(maxsize=TOKENS_REMEMBERED)(self.sign)
        """Sign like ``sign``, and remember the last ``TOKENS_REMEMBERED`` tokens.

        For tokens that are re-used. They are as safe in memory as the key, which could sign them
        again, and are dropped together with it.
        """

    def __repr__(self) -> str:
        return f"<SigningKey {self.kid}>"

    @property
    def kid(self) -> str:
        """The key id in the header of each token."""
        return self.public.kid

    @property
    def algorithm(self) -> str:
        """The algorithm of every signature of this key."""
        return self.public.algorithm

    @classmethod
    def generate(cls, algorithm: str) -> SigningKey:
        """Generate a key for one of ``ALGORITHMS``: RSA of 3072 bits, P-256 or Ed25519.

        Its id never begins with a dash, so that commands do not take it for an option.
        """
        while True:
            key = cls._of(algorithm, _generate(algorithm))
            if not key.kid.startswith("-"):
                return key

    @classmethod
    def from_private_bytes(cls, der: bytes, *, algorithm: str) -> SigningKey:
        """Parse the result of ``private_bytes``; raises ``ValueError`` or ``TypeError``."""
        private_key = load_der_private_key(der, password=None)
        if not isinstance(private_key, _PRIVATE_KEYS[algorithm]):
            raise TypeError(f"not a key for {algorithm}")
        return cls._of(algorithm, private_key)

    @classmethod
    def _of(cls, algorithm: str, private_key: PrivateKey) -> SigningKey:
        public_key: Any = private_key.public_key()
        jwk = _ALGORITHMS[algorithm].to_jwk(public_key, as_dict=True)
        public = VerificationKey.from_jwk({**jwk, "alg": algorithm})
        return cls(public=public, private_key=private_key)

    def private_bytes(self) -> bytes:
        """Return the private key as unencrypted PKCS #8 (RFC 5208) in DER."""
        return self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, signing_input: str) -> str:
        """Return the compact JWS (RFC 7515, section 7.1); the same input gives the same token."""
        signature = _ALGORITHMS[self.algorithm].sign(signing_input.encode(), self.private_key)
        return f"{signing_input}.{base64url_encode(signature).decode()}"


class KeySet:
    """The keys whose tokens are accepted, and the one that signs at present."""

    def __init__(
        self,
        verification_keys: Iterable[VerificationKey],
        *,
        signing_keys: Iterable[SigningKey] = (),
        current_kid: str | None = None,
        is_changing: bool = False,
    ) -> None:
        self._verification_keys = {key.kid: key for key in verification_keys}
        self._signing_keys = {key.kid: key for key in signing_keys}
        self._current_kid = current_kid
        self.is_changing = is_changing
        """Whether a published key does not sign yet."""

    def verification_key(self, kid: str) -> VerificationKey | None:
        """Return the key with this id, or ``None`` if it is not, or no longer, accepted."""
        return self._verification_keys.get(kid)

    def signing_key(self, kid: str) -> SigningKey | None:
        """Return the private key with this id, or ``None`` if there is none."""
        return self._signing_keys.get(kid)

    @property
    def current(self) -> SigningKey:
        """The key that signs new tokens.

        Raises ``TemporarilyUnavailable`` if there is none that can be read: a request never
        creates a key, because that would silently invalidate every token.
        """
        key = self._signing_keys.get(self._current_kid or "")
        if key is None:
            raise TemporarilyUnavailable(reason="no_signing_key")
        return key

    def public_jwks(self) -> dict[str, list[Mapping[str, str]]]:
        """Return the JWK Set (RFC 7517, section 5): public members only, oldest key first."""
        return {"keys": [key.public_jwk for key in self._verification_keys.values()]}
