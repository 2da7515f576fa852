"""TokenVerifier: each rule for header and signature, with a token that breaks only this one."""

from __future__ import annotations

import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.claims import PAYLOAD
from tests.support.forged_tokens import (
    HEADER,
    KEY,
    OTHER_KEY,
    b64,
    make_token,
    make_verifier,
    part,
    reason_for,
)


class TestHeader:
    @pytest.mark.parametrize(
        "header",
        [
            b"",
            b"null",
            b"[]",
            b'"x"',
            b"{",
            b"\xff",
            b"[" * 4000,
            b'{"a":' * 1000,
            b"9" * 5000,
            {**HEADER, "kid": 1},
            {**HEADER, "kid": None},
            {**HEADER, "kid": [KEY.kid]},
            {**HEADER, "kid": {"kid": KEY.kid}},
        ],
    )
    def test_malformed(self, header):
        token = make_token(header)
        assert reason_for(token) in {"malformed_header", "malformed_token"}

    @pytest.mark.parametrize(
        "typ",
        [
            None,
            "",
            "JWT",
            "jwt",
            "dpop+jwt",
            "client-authentication+jwt",
            "at+jwt ",
            "secevent+jwt",
            "application/jwt",
            "at+jwtx",
            1,
            ["at+jwt"],
            {"at+jwt": 1},
            True,
        ],
    )
    def test_other_types_are_other_things(self, typ):
        """ID tokens, assertions and proofs are not access tokens (RFC 8725, section 3.12)."""
        assert reason_for(make_token({**HEADER, "typ": typ})) == "wrong_type"

    def test_type_is_required(self):
        assert reason_for(make_token({"alg": "EdDSA", "kid": KEY.kid})) == "wrong_type"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("jwk", dict(OTHER_KEY.public.public_jwk)),
            ("jku", "https://attacker.test/jwks.json"),
            ("x5u", "https://attacker.test/chain.pem"),
            ("x5c", ["MIIB"]),
            ("x5t", "x"),
            ("x5t#S256", "x"),
            ("crit", ["exp"]),
            ("crit", []),
            ("crit", None),
        ],
    )
    def test_forbidden_parameters(self, name, value):
        """Refused whoever signed, and so never fetched."""
        for key in (KEY, OTHER_KEY):
            header = {**HEADER, "kid": key.kid, name: value}
            assert reason_for(make_token(header, key=key)) == "forbidden_header_parameter"

    def test_detached_payload(self):
        """RFC 7797."""
        token = make_token({**HEADER, "b64": False})
        assert reason_for(token) == "forbidden_header_parameter"

    @pytest.mark.parametrize(
        "kid",
        [
            "",
            "x",
            "' OR 1=1 --",
            "../../../etc/passwd",
            "\0",
            "a\nb",
            "k" * 3000,
            "é",
            pytest.param(KEY.kid + " ", id="trailing_space"),
        ],
    )
    def test_unknown_kid(self, kid):
        assert reason_for(make_token({**HEADER, "kid": kid})) == "unknown_kid"

    def test_kid_is_required(self):
        """Even where there is but one key."""
        assert reason_for(make_token({"alg": "EdDSA", "typ": "at+jwt"})) == "unknown_kid"


class TestSignature:
    def test_of_another_key(self):
        assert reason_for(make_token(key=OTHER_KEY)) == "bad_signature"

    def test_of_another_key_of_ours(self):
        verifier = make_verifier(KEY, OTHER_KEY)
        assert reason_for(make_token(key=OTHER_KEY), verifier=verifier) == "bad_signature"

    @pytest.mark.parametrize("length", [1, 63, 65, 256])
    def test_of_another_length(self, any_signing_key, length):
        header = {**HEADER, "alg": any_signing_key.algorithm, "kid": any_signing_key.kid}
        token = f"{part(header)}.{part(PAYLOAD)}.{b64(bytes(length))}"
        assert reason_for(token, verifier=make_verifier(any_signing_key)) == "bad_signature"

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 1, ["EdDSA"]])
    def test_none(self, alg):
        for signature in ("", "AA"):
            token = f"{part({**HEADER, 'alg': alg})}.{part(PAYLOAD)}.{signature}"
            expected = {"bad_signature", "malformed_header"} if signature else {"malformed_token"}
            assert reason_for(token) in expected

    def test_algorithm_left_out(self):
        assert reason_for(make_token({"kid": KEY.kid, "typ": "at+jwt"})) == "bad_signature"

    @pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
    def test_public_key_as_a_shared_secret(self, any_signing_key, hash_name):
        """CVE-2015-9235: HS256 over the bytes that everybody knows, in each form of them."""
        public_key = any_signing_key.private_key.public_key()
        jwk = any_signing_key.public.public_jwk
        secrets = [
            public_key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
            for encoding in (Encoding.PEM, Encoding.DER)
        ]
        secrets += [json.dumps(jwk).encode(), (jwk.get("x") or jwk["n"]).encode(), b""]
        alg = f"HS{hash_name.removeprefix('sha')}"
        header = {**HEADER, "alg": alg, "kid": any_signing_key.kid}
        signed = f"{part(header)}.{part(PAYLOAD)}"
        for secret in secrets:
            signature = b64(hmac.digest(secret, signed.encode(), hash_name))
            verifier = make_verifier(any_signing_key)
            assert reason_for(f"{signed}.{signature}", verifier=verifier) == "bad_signature"

    def test_algorithm_is_the_keys_and_never_the_headers(self, signing_keys):
        """A good RS256 signature under a header that says otherwise, and the reverse."""
        key = signing_keys["RS256"]
        for alg in ("RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256"):
            token = make_token({**HEADER, "alg": alg, "kid": key.kid}, key=key)
            assert reason_for(token, verifier=make_verifier(key)) == "bad_signature"
        payload = {**PAYLOAD}
        for alg in ("RS384", "RS512", "PS256"):
            token = jwt.encode(
                payload, key.private_key, alg, headers={"kid": key.kid, "typ": "at+jwt"}
            )
            assert reason_for(token, verifier=make_verifier(key)) == "bad_signature"

    def test_kid_of_a_key_of_another_algorithm(self, signing_keys):
        keys = list(signing_keys.values())
        for signer in keys:
            for named in keys:
                if signer is not named:
                    header = {**HEADER, "alg": signer.algorithm, "kid": named.kid}
                    token = make_token(header, key=signer)
                    assert reason_for(token, verifier=make_verifier(*keys)) == "bad_signature"

    def test_payload_of_one_token_under_the_signature_of_another(self):
        header, _, signature = make_token().split(".")
        other = part({**PAYLOAD, "sub": "user:1"})
        assert reason_for(f"{header}.{other}.{signature}") == "bad_signature"
