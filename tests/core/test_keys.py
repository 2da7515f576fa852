"""Keys: algorithms, published members, and what is refused as a key."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_decode

from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.keys import (
    ALGORITHMS,
    RSA_KEY_BITS,
    KeySet,
    SigningKey,
    VerificationKey,
    thumbprint,
)

# RFC 7638, section 3.1, and RFC 8037, appendix A.3.
RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
    "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"
    "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh"
    "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC_8037_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
PUBLIC_MEMBERS = {
    "RS256": {"kty", "n", "e"},
    "ES256": {"kty", "crv", "x", "y"},
    "EdDSA": {"kty", "crv", "x"},
}


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TestThumbprint:
    def test_example_of_rfc_7638(self):
        assert thumbprint(RFC_7638_KEY) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

    def test_example_of_rfc_8037(self):
        assert thumbprint(RFC_8037_KEY) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

    def test_is_the_kid(self, any_signing_key):
        assert thumbprint(any_signing_key.public.public_jwk) == any_signing_key.kid
        assert len(any_signing_key.kid) == 43


class TestPublished:
    def test_public_members_only(self, any_signing_key):
        jwk = any_signing_key.public.public_jwk
        assert set(jwk) == PUBLIC_MEMBERS[any_signing_key.algorithm] | {"kid", "use", "alg"}
        assert PRIVATE_MEMBERS.isdisjoint(jwk)
        assert (jwk["use"], jwk["alg"]) == ("sig", any_signing_key.algorithm)
        assert "key_ops" not in jwk

    def test_private_members_are_dropped(self, any_signing_key):
        """Also where somebody wrote a whole key into the database."""
        whole = {**any_signing_key.public.public_jwk, **dict.fromkeys(PRIVATE_MEMBERS, "AQAB")}
        assert VerificationKey.from_jwk(whole) == any_signing_key.public

    def test_rsa_key_is_long_enough(self, signing_keys):
        key = signing_keys["RS256"].private_key
        assert (key.key_size, RSA_KEY_BITS) == (3072, 3072)
        assert key.public_key().public_numbers().e == 65537

    def test_rsa_key_of_2048_bits_still_signs_and_verifies(self):
        private_key = rsa.generate_private_key(65537, 2048)
        der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key = SigningKey.from_private_bytes(der, algorithm="RS256")
        signed, _, signature = key.sign("a.b").rpartition(".")
        key.public.verify(signed.encode(), base64url_decode(signature), algorithm="RS256")

    def test_curve_coordinates_keep_their_leading_zeros(self):
        """RFC 7518, section 6.2.1.2; about one key in 128 has one."""
        with_zero = next(
            key
            for value in range(1, 100_000)
            if (key := ec.derive_private_key(value, ec.SECP256R1())).public_key()
            and key.public_key().public_numbers().x < 1 << 248
        )
        der = with_zero.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        jwk = SigningKey.from_private_bytes(der, algorithm="ES256").public.public_jwk
        assert (len(decoded(jwk["x"])), len(decoded(jwk["y"]))) == (32, 32)
        assert decoded(jwk["x"])[0] == 0
        assert PyJWK(dict(jwk)).key.public_numbers() == with_zero.public_key().public_numbers()

    def test_jwks_is_the_keys_in_their_order(self, signing_keys):
        keys = list(signing_keys.values())
        jwks = KeySet(key.public for key in keys).public_jwks()
        assert [key.kid for key in keys] == [jwk["kid"] for jwk in jwks["keys"]]
        assert all(PRIVATE_MEMBERS.isdisjoint(jwk) for jwk in jwks["keys"])
        assert json.loads(json.dumps(jwks)) == jwks

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "PS256", "ES256", "", None])
    def test_other_algorithms_are_no_keys_of_ours(self, algorithm):
        with pytest.raises(ValueError, match="not a key of one of our algorithms"):
            VerificationKey.from_jwk({**RFC_7638_KEY, "alg": algorithm})

    def test_other_curves_are_no_keys_of_ours(self):
        key = ed448.Ed448PrivateKey.generate().public_key()
        jwk = {**OKPAlgorithm.to_jwk(key, as_dict=True), "alg": "EdDSA"}
        with pytest.raises(ValueError, match="not a key of one of our algorithms"):
            VerificationKey.from_jwk(jwk)

    @pytest.mark.parametrize(
        "jwk",
        [
            {},
            {"alg": "RS256"},
            {"alg": "RS256", "kty": "oct", "k": "AAAA"},
            {"alg": "RS256", "kty": "RSA", "e": "AQAB"},
            {"alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
            {"alg": "ES256", "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
            {"alg": "ES256", "kty": "EC", "crv": "P-256", "x": 1, "y": None},
            {"alg": "RS256", "kty": "RSA", "n": "AQAB", "e": "?"},
            {"alg": [], "kty": {}},
            [],
            None,
            "RS256",
        ],
    )
    def test_what_is_not_a_key(self, jwk):
        with pytest.raises(ValueError, match=r"not a (public JWK|key of one of our algorithms)"):
            VerificationKey.from_jwk(jwk)


class TestPrivateBytes:
    def test_round_trip(self, any_signing_key):
        der = any_signing_key.private_bytes()
        again = SigningKey.from_private_bytes(der, algorithm=any_signing_key.algorithm)
        assert again.public == any_signing_key.public
        assert again.sign("a.b") == any_signing_key.sign("a.b")
        assert load_der_private_key(der, password=None)

    def test_repr_hides_the_private_key(self, any_signing_key):
        assert "private" not in repr(any_signing_key).lower()

    @pytest.mark.parametrize("der", [b"", b"\x30", b"garbage" * 100])
    def test_garbage(self, der):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's
            SigningKey.from_private_bytes(der, algorithm="RS256")

    def test_another_kind_of_key(self):
        key = ed448.Ed448PrivateKey.generate()
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(TypeError, match="not a key for EdDSA"):
            SigningKey.from_private_bytes(der, algorithm="EdDSA")

    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    def test_key_of_another_algorithm(self, signing_keys, algorithm):
        for name, key in signing_keys.items():
            if name != algorithm:
                with pytest.raises(TypeError, match=f"not a key for {algorithm}"):
                    SigningKey.from_private_bytes(key.private_bytes(), algorithm=algorithm)

    def test_key_of_another_curve(self):
        key = ec.generate_private_key(ec.SECP384R1())
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(ValueError, match="not a key of one of our algorithms"):
            SigningKey.from_private_bytes(der, algorithm="ES256")


class TestGenerate:
    @pytest.mark.parametrize(
        ("algorithm", "kind"),
        [
            ("RS256", rsa.RSAPrivateKey),
            ("ES256", ec.EllipticCurvePrivateKey),
            ("EdDSA", ed25519.Ed25519PrivateKey),
        ],
    )
    def test_kind(self, signing_keys, algorithm, kind):
        assert isinstance(signing_keys[algorithm].private_key, kind)
        assert signing_keys[algorithm].algorithm == algorithm

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "rs256", ""])
    def test_other_algorithms(self, algorithm):
        with pytest.raises(ValueError, match="not one of our algorithms"):
            SigningKey.generate(algorithm)

    def test_no_id_looks_like_an_option_of_a_command(self):
        """One in 64 would: `remove_signing_key -x…` fails just when a key has leaked."""
        kids = [SigningKey.generate("EdDSA").kid for _ in range(1000)]
        assert [kid for kid in kids if kid.startswith("-")] == []


class TestVerify:
    """By the algorithm of the key, and by that key alone."""

    @pytest.fixture
    def signed(self, any_signing_key):
        key = any_signing_key
        token = key.sign("header.payload")
        return key, b"header.payload", base64url_decode(token.rpartition(".")[2])

    def test_its_own(self, signed):
        key, signing_input, signature = signed
        key.public.verify(signing_input, signature, algorithm=key.algorithm)

    def test_of_something_else(self, signed):
        key, signing_input, signature = signed
        with pytest.raises(ValueError, match="not a signature"):
            key.public.verify(signing_input + b"x", signature, algorithm=key.algorithm)

    @pytest.mark.parametrize("numbers", [b"\0" * 64, b"\xff" * 64])
    def test_numbers_that_no_signature_has(self, signed, numbers):
        key, signing_input, _ = signed
        with pytest.raises(ValueError, match="not a signature"):
            key.public.verify(signing_input, numbers, algorithm=key.algorithm)

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "", None, 1, ["ES256"]])
    def test_under_another_name(self, signed, algorithm):
        key, signing_input, signature = signed
        with pytest.raises(ValueError, match="not a signature"):
            key.public.verify(signing_input, signature, algorithm=algorithm)


class TestKeySet:
    def test_finds_by_kid(self, signing_keys):
        first, second, _ = signing_keys.values()
        keys = KeySet([first.public, second.public], signing_keys=[second], current_kid=second.kid)
        assert keys.verification_key(first.kid) == first.public
        assert keys.verification_key("unknown") is None
        assert (keys.signing_key(first.kid), keys.signing_key(second.kid)) == (None, second)
        assert keys.current == second
        assert not keys.is_changing

    @pytest.mark.parametrize("current_kid", [None, "", "unreadable"])
    def test_without_a_key_that_signs(self, signing_keys, current_kid):
        key = signing_keys["EdDSA"]
        keys = KeySet([key.public], signing_keys=[key], current_kid=current_kid)
        with pytest.raises(TemporarilyUnavailable) as refused:
            _ = keys.current
        assert refused.value.reason == "no_signing_key"

    def test_empty(self):
        assert KeySet(()).public_jwks() == {"keys": []}
