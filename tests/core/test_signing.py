"""Signatures: deterministic, remembered as long as their key, readable by other libraries."""

from __future__ import annotations

import gc
import json
import weakref

import jwt
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWKSet
from jwt.utils import base64url_decode

from tests.support.claims import CLAIMS
from token_exchange_core.keys import ALGORITHMS, TOKENS_REMEMBERED, KeySet, SigningKey, can_sign
from token_exchange_core.revocation_set import RevocationSet
from token_exchange_core.tokens import parse_claims, signing_input
from token_exchange_core.verification import TokenVerifier


class TestSign:
    def test_same_bytes_are_the_same_token(self, any_signing_key):
        assert len({any_signing_key.sign("header.payload") for _ in range(5)}) == 1
        assert any_signing_key.sign("header.payload") != any_signing_key.sign("header.payloae")

    def test_numbers_keep_their_leading_zeros(self, signing_keys):
        """Of one signature in 128 a number is short; each has 32 bytes all the same (RFC 7518)."""
        key = signing_keys["ES256"]
        assert {len(key.sign(f"{each}").rpartition(".")[2]) for each in range(1000)} == {86}

    def test_a_token_that_comes_back_is_remembered(self, any_signing_key):
        unsigned = signing_input(CLAIMS, kid=any_signing_key.kid, algorithm="x")
        first = any_signing_key.sign_again(unsigned)
        assert first == any_signing_key.sign(unsigned)
        assert any_signing_key.sign_again(unsigned) is first

    def test_not_more_are_remembered_than_that(self, signing_keys):
        key = signing_keys["EdDSA"]
        first = key.sign_again("first")
        for each in range(TOKENS_REMEMBERED):
            key.sign_again(str(each))
        assert key.sign_again("first") == first
        assert key.sign_again("first") is not first

    def test_what_is_remembered_is_gone_when_the_key_is(self):
        key = SigningKey.generate("EdDSA")
        key.sign_again("x")
        gone = weakref.ref(key.sign_again)
        del key
        gc.collect()
        assert gone() is None

    def test_private_key_is_not_in_the_repr(self, any_signing_key):
        assert repr(any_signing_key) == f"<SigningKey {any_signing_key.kid}>"

    def test_plain_pyjwt_reads_our_tokens(self, signing_keys, any_signing_key):
        """With nothing but the published set, as another service has it."""
        published = PyJWKSet.from_json(
            json.dumps(KeySet(each.public for each in signing_keys.values()).public_jwks())
        )
        token = any_signing_key.sign(
            signing_input(CLAIMS, kid=any_signing_key.kid, algorithm=any_signing_key.algorithm)
        )
        key = published[jwt.get_unverified_header(token)["kid"]]
        payload = jwt.decode(
            token,
            key,
            algorithms=[any_signing_key.algorithm],
            audience=CLAIMS.audience[0],
            issuer=CLAIMS.issuer,
            options={
                "require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"],
                "verify_exp": False,
            },
        )
        assert parse_claims(json.dumps(payload).encode()) == CLAIMS

    def test_we_read_what_plain_pyjwt_signs(self, any_signing_key):
        """Also ES256 with a random nonce: the verifier does not ask how it was drawn."""
        payload = json.loads(
            base64url_decode(signing_input(CLAIMS, kid="", algorithm="").split(".")[1])
        )
        token = jwt.encode(
            payload,
            any_signing_key.private_key,
            algorithm=any_signing_key.algorithm,
            headers={"kid": any_signing_key.kid, "typ": "at+jwt"},
        )
        verifier = TokenVerifier(
            keys=lambda: KeySet([any_signing_key.public]),
            revocations=RevocationSet,
            issuer=CLAIMS.issuer,
            audience=CLAIMS.audience[0],
        )
        assert verifier.verify(token, now=CLAIMS.issued_at) == CLAIMS


class TestOldOpenSsl:
    """Before 3.2 there is no RFC 6979; wheels of cryptography bring a newer one."""

    def test_is_noticed(self, old_openssl):
        assert {name: can_sign(name) for name in ALGORITHMS} == {
            "RS256": True,
            "ES256": False,
            "EdDSA": True,
        }

    def test_new_openssl_signs_with_each(self):
        assert all(map(can_sign, ALGORITHMS))

    def test_signs_nothing_by_chance(self, signing_keys, old_openssl):
        with pytest.raises(UnsupportedAlgorithm):
            signing_keys["ES256"].sign("a.b")

    @pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
    def test_signs_with_the_others(self, signing_keys, old_openssl, algorithm):
        key = signing_keys[algorithm]
        assert key.sign("a.b") == key.sign("a.b")

    def test_verifies(self, signing_keys, request):
        key = signing_keys["ES256"]
        signed, _, signature = key.sign("a.b").rpartition(".")
        request.getfixturevalue("old_openssl")
        key.public.verify(signed.encode(), base64url_decode(signature), algorithm="ES256")
