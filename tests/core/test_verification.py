"""TokenVerifier: each rule by a token that breaks it and no other."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.errors import ExpiredToken, InvalidToken
from token_exchange.core.keys import KeySet, SigningKey
from token_exchange.core.verification import MAX_TOKEN_LENGTH, TokenVerifier

from .test_tokens import CLAIMS, PAYLOAD

NOW = CLAIMS.issued_at
KEY = SigningKey.generate("EdDSA")
OTHER_KEY = SigningKey.generate("EdDSA")
HEADER = {"alg": "EdDSA", "kid": KEY.kid, "typ": "at+jwt"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def make_token(header: Any = HEADER, payload: Any = PAYLOAD, key: SigningKey = KEY) -> str:
    return key.sign(f"{part(header)}.{part(payload)}")


def make_verifier(*keys: SigningKey, **options: Any) -> TokenVerifier:
    known = KeySet([key.public for key in keys or (KEY,)])
    return TokenVerifier(
        **{
            "keys": lambda: known,
            "check_alive": lambda _claims: None,
            "issuer": CLAIMS.issuer,
            "audience": CLAIMS.audience[0],
            **options,
        }
    )


def reason_for(token: str, *, now: float = NOW, verifier: TokenVerifier | None = None) -> str:
    """Return why the token is refused; all but an expired one are told the same."""
    with pytest.raises(InvalidToken) as refused:
        (verifier or make_verifier()).verify(token, now=now)
    assert type(refused.value) is InvalidToken
    assert (refused.value.status, refused.value.error) == (401, "invalid_token")
    assert refused.value.description == InvalidToken.description
    return refused.value.reason


class TestGoodToken:
    def test_claims_and_owner_are_returned(self):
        verifier = make_verifier(check_alive=lambda claims: f"owner of {claims.jti}")
        verified = verifier.verify(make_token(), now=NOW)
        assert (verified.claims, verified.owner) == (CLAIMS, "owner of Jti0123456789")

    def test_every_algorithm(self, any_signing_key):
        header = {**HEADER, "alg": any_signing_key.algorithm, "kid": any_signing_key.kid}
        token = make_token(header, key=any_signing_key)
        assert make_verifier(any_signing_key).verify(token, now=NOW).claims == CLAIMS

    @pytest.mark.parametrize(
        "typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"]
    )
    def test_type_is_compared_without_case(self, typ):
        """RFC 7515, section 4.1.9; RFC 9068, section 4."""
        assert make_verifier().verify(make_token({**HEADER, "typ": typ}), now=NOW)

    def test_one_of_several_audiences_is_enough(self):
        token = make_token(payload={**PAYLOAD, "aud": ["https://other.test", CLAIMS.audience[0]]})
        assert make_verifier().verify(token, now=NOW)

    def test_the_keys_of_the_moment_are_asked_for(self):
        sets = iter([KeySet([KEY.public]), KeySet([])])
        verifier = make_verifier(keys=lambda: next(sets))
        verifier.verify(make_token(), now=NOW)
        assert reason_for(make_token(), verifier=verifier) == "unknown_kid"


class TestShape:
    @given(st.text(st.characters(exclude_categories=())))
    def test_any_text_is_refused(self, text):
        with pytest.raises(InvalidToken):
            make_verifier().verify(text, now=NOW)

    @given(st.binary(), st.binary(), st.binary())
    def test_any_three_segments_are_refused(self, header, payload, signature):
        with pytest.raises(InvalidToken):
            make_verifier().verify(f"{b64(header)}.{b64(payload)}.{b64(signature)}", now=NOW)

    @given(st.data())
    def test_any_one_change_is_refused(self, data):
        token = make_token()
        place = data.draw(st.integers(0, len(token) - 1))
        character = data.draw(st.sampled_from("AQgwx-_.=+/ \n") | st.characters())
        changed = f"{token[:place]}{character}{token[place + 1 :]}"
        if changed != token:
            with pytest.raises(InvalidToken):
                make_verifier().verify(changed, now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            "{}=",
            "{}==",
            "{}\n",
            "\n{}",
            " {}",
            "{} ",
            "{}.",
            ".{}",
            "{}.x",
            "{}\0",
            "{}+",
            "{}/",
            "{}é",
            "Bearer {}",
        ],
    )
    def test_something_around_it(self, change):
        assert reason_for(change.format(make_token())) == "malformed_token"

    @pytest.mark.parametrize("segments", [0, 1, 2])
    def test_segments_left_out(self, segments):
        token = ".".join(make_token().split(".")[:segments])
        assert reason_for(token) == "malformed_token"

    @pytest.mark.parametrize("empty", [0, 1, 2])
    def test_empty_segment(self, empty):
        segments = make_token().split(".")
        segments[empty] = ""
        assert reason_for(".".join(segments)) == "malformed_token"

    def test_longest_token_is_read_and_a_longer_one_refused(self):
        padding = 1
        while len(token := make_token(payload={**PAYLOAD, "x": "x" * padding})) < MAX_TOKEN_LENGTH:
            padding += 1
        assert len(token) == MAX_TOKEN_LENGTH
        assert make_verifier().verify(token, now=NOW)
        longer = make_token(payload={**PAYLOAD, "x": "x" * (padding + 1)})
        assert reason_for(longer) == "malformed_token"

    def test_bits_that_the_signature_does_not_use(self):
        """Two texts of one signature would be two tokens to whoever denies by text."""
        token = make_token()
        digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        other_last = digits[digits.index(token[-1]) ^ 1]
        assert reason_for(token[:-1] + other_last) == "malformed_header"


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
            # The library refuses crit itself.
            expected = "malformed_header" if name == "crit" else "forbidden_header_parameter"
            assert reason_for(make_token(header, key=key)) == expected

    def test_detached_payload(self):
        """RFC 7797."""
        token = make_token({**HEADER, "b64": False})
        assert reason_for(token) == "malformed_header"

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
            KEY.kid + " ",
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


class TestClaims:
    @pytest.mark.parametrize(
        "issuer", ["", "https://issuer.test/", "https://ISSUER.test", "http://issuer.test", None]
    )
    def test_issuer_must_be_exactly_ours(self, issuer):
        """RFC 9068, section 4; a trailing slash counts."""
        token = make_token(payload={**PAYLOAD, "iss": issuer})
        assert reason_for(token) in {"wrong_issuer", "claim_iss"}

    @pytest.mark.parametrize(
        "audience",
        [
            "https://other.test",
            "https://api.test/",
            "https://api",
            [],
            None,
            ["x", "y"],
            "https://api.test https://other.test",
        ],
    )
    def test_audience_must_name_us(self, audience):
        token = make_token(payload={**PAYLOAD, "aud": audience})
        assert reason_for(token) in {"wrong_audience", "claim_aud"}

    @pytest.mark.parametrize("name", sorted(PAYLOAD))
    def test_each_claim_is_required(self, name):
        payload = {key: value for key, value in PAYLOAD.items() if key != name}
        assert reason_for(make_token(payload=payload)) == f"claim_{name}"

    @pytest.mark.parametrize("payload", [b"[" * 4000, b"\xff", b"{}", b"[]", b"null"])
    def test_signed_but_no_claims(self, payload):
        assert reason_for(make_token(payload=payload)).startswith(("malformed_claims", "claim_"))

    def test_repeated_claim(self):
        payload = json.dumps(PAYLOAD).replace('"gen": 3', '"gen": 3, "sub": "user:1"').encode()
        assert reason_for(make_token(payload=payload)) == "malformed_claims"

    def test_not_yet_valid(self):
        token = make_token(payload={**PAYLOAD, "nbf": NOW + 10})
        assert reason_for(token, now=NOW + 9.99) == "not_yet_valid"
        assert make_verifier().verify(token, now=NOW + 10).claims.not_before == NOW + 10

    def test_not_yet_valid_within_the_leeway(self):
        token = make_token(payload={**PAYLOAD, "nbf": NOW + 10})
        verifier = make_verifier(leeway_seconds=5)
        assert reason_for(token, now=NOW + 4.9, verifier=verifier) == "not_yet_valid"
        assert verifier.verify(token, now=NOW + 5)


class TestExpiry:
    def test_dead_from_that_second_on(self):
        """RFC 7519, section 4.1.4: *on* or after."""
        token = make_token()
        assert make_verifier().verify(token, now=CLAIMS.expires_at - 0.001)
        with pytest.raises(ExpiredToken) as refused:
            make_verifier().verify(token, now=CLAIMS.expires_at)
        assert refused.value.description == "The auth token provided has expired."
        assert (refused.value.status, refused.value.error) == (401, "invalid_token")

    def test_leeway(self):
        verifier = make_verifier(leeway_seconds=30)
        assert verifier.verify(make_token(), now=CLAIMS.expires_at + 29.9)
        with pytest.raises(ExpiredToken):
            verifier.verify(make_token(), now=CLAIMS.expires_at + 30)

    @pytest.mark.parametrize(
        "token",
        [
            make_token(key=OTHER_KEY),
            make_token({**HEADER, "typ": "JWT"}),
            make_token({**HEADER, "kid": "unknown"}),
            make_token(payload={**PAYLOAD, "iss": "https://other.test"}),
            make_token(payload={**PAYLOAD, "aud": "https://other.test"}),
            make_token(payload={**PAYLOAD, "jti": ""}),
        ],
    )
    def test_told_only_when_all_else_verifies(self, token):
        assert reason_for(token, now=CLAIMS.expires_at + 1)

    def test_revoked_and_expired_is_revoked(self):
        def check_alive(_claims):
            raise InvalidToken(reason="token_revoked")

        verifier = make_verifier(check_alive=check_alive)
        assert reason_for(make_token(), now=CLAIMS.expires_at, verifier=verifier) == "token_revoked"

    @pytest.mark.parametrize("expires_at", [-1, 0, -(10**300)])
    def test_long_ago(self, expires_at):
        with pytest.raises(ExpiredToken):
            make_verifier().verify(make_token(payload={**PAYLOAD, "exp": expires_at}), now=NOW)

    def test_in_a_number_too_large_for_a_float(self):
        token = make_token(payload={**PAYLOAD, "exp": 10**400})
        assert make_verifier().verify(token, now=NOW).claims.expires_at == 10**400


class TestTokenVerifier:
    def test_asks_about_revocation_once_all_else_is_known(self):
        asked = []
        verifier = make_verifier(check_alive=asked.append)
        for token in ("garbage", make_token(key=OTHER_KEY), make_token(payload={})):
            with contextlib.suppress(InvalidToken):
                verifier.verify(token, now=NOW)
        assert asked == []
        verifier.verify(make_token(), now=NOW)
        assert asked == [CLAIMS]

    def test_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            make_verifier().issuer = "https://attacker.test"

    def test_hash_confusion_needs_the_private_key(self):
        """The kid is public: knowing it, and the thumbprint's input, signs nothing."""
        signature = hashlib.sha512(KEY.kid.encode()).digest()
        token = f"{part(HEADER)}.{part(PAYLOAD)}.{b64(signature)}"
        assert reason_for(token) == "bad_signature"
