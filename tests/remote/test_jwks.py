"""RemoteKeys: the keys that another issuer publishes, and what it could publish instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from tests.parallel import in_threads
from tests.remote.issuer import (
    JWKS_PATH,
    NOT_MODIFIED,
    Issuer,
    Reply,
    drip_headers,
    hang,
    jwk_set,
    jwks,
)
from token_exchange.core.errors import TemporarilyUnavailable
from token_exchange.core.keys import SigningKey, VerificationKey
from token_exchange.remote import RemoteKeys

KEY, OTHER_KEY = (SigningKey.generate("EdDSA") for _ in range(2))
GOOD = dict(KEY.public.public_jwk)
DAY = 86_400


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


@pytest.fixture
def keys(issuer: Issuer, elapsed: Any) -> RemoteKeys:
    return make(issuer)


def make(issuer: Issuer, **options: Any) -> RemoteKeys:
    return RemoteKeys(f"{issuer.url}{JWKS_PATH}", **options)


def knows(keys: RemoteKeys, key: SigningKey = KEY) -> bool:
    known = keys().verification_key(key.kid)
    return known is not None and known.public_jwk == key.public.public_jwk


class TestGoodSet:
    def test_keys_are_known_by_their_kid(self, keys, issuer):
        issuer.says(JWKS_PATH, jwks(KEY, OTHER_KEY))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)
        assert issuer.asked(JWKS_PATH) == 1

    def test_every_algorithm(self, issuer, keys):
        made = [SigningKey.generate(each) for each in ("RS256", "ES256", "EdDSA")]
        issuer.says(JWKS_PATH, jwks(*made))
        assert all(knows(keys, each) for each in made)

    def test_what_a_key_says_besides_does_not_matter(self, issuer, keys):
        jwk = {**GOOD, "key_ops": ["verify"], "x5u": "https://attacker.test", "ext": True}
        issuer.says(JWKS_PATH, jwk_set([jwk]))
        assert knows(keys)

    def test_kid_is_the_thumbprint_whatever_the_set_says(self, issuer, keys):
        """So no key can be put in another's place."""
        issuer.says(JWKS_PATH, jwk_set([GOOD, {**OTHER_KEY.public.public_jwk, "kid": KEY.kid}]))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)

    def test_same_key_twice(self, issuer, keys):
        issuer.says(JWKS_PATH, jwk_set([GOOD, GOOD]))
        assert knows(keys)

    def test_removed_key_is_gone_with_the_next_set(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, OTHER_KEY), jwks(KEY))
        assert knows(keys, OTHER_KEY)
        elapsed.seconds += 301
        assert not knows(keys, OTHER_KEY)
        assert knows(keys, KEY)

    def test_unchanged_set_is_not_sent_again(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, ETag='"1"'), NOT_MODIFIED)
        assert knows(keys)
        for _ in range(2):
            elapsed.seconds += 301
            assert knows(keys)
        assert [each.headers.get("if-none-match") for each in issuer.received] == [
            None,
            '"1"',
            '"1"',
        ]


class TestAge:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, 300),
            ({"Cache_Control": "public, max-age=120"}, 120),
            ({"Cache_Control": "MAX-AGE=120, public"}, 120),
            ({"Cache_Control": "s-maxage=20, max-age=120"}, 120),
            ({"Cache_Control": "max-age=120", "Age": "100"}, 20),
            ({"Cache_Control": "max-age=120", "Age": "later"}, 120),
            ({"Cache_Control": "max-age=100000"}, 300),
            ({"Cache_Control": "max-age=0"}, 10),
            ({"Cache_Control": "max-age=120", "Age": "1000"}, 10),
            ({"Cache_Control": "public, no-cache"}, 10),
            ({"Cache_Control": "max-age=120, no-store"}, 10),
            ({"Cache_Control": "max-age=-1"}, 300),
            ({"Cache_Control": f"max-age={'9' * 5000}"}, 300),
        ],
    )
    def test_is_what_the_answer_says_within_bounds(self, issuer, keys, elapsed, headers, seconds):
        issuer.says(JWKS_PATH, jwks(KEY, **headers))
        keys()
        elapsed.seconds += seconds - 1
        keys()
        assert issuer.asked(JWKS_PATH) == 1
        elapsed.seconds += 2
        keys()
        assert issuer.asked(JWKS_PATH) == 2

    def test_is_shorter_where_it_is_told_to_be(self, issuer, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY, Cache_Control="max-age=0"))
        keys = make(issuer, max_age_seconds=2)
        keys()
        elapsed.seconds += 3
        keys()
        assert issuer.asked(JWKS_PATH) == 2


class TestUnknownKid:
    def test_new_key_is_found_at_once(self, issuer, keys):
        """An emergency rotation signs at once."""
        issuer.says(JWKS_PATH, jwks(KEY), jwks(KEY, OTHER_KEY))
        assert knows(keys, KEY)
        assert knows(keys, OTHER_KEY)

    def test_many_ask_once_a_minute(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY))
        for number in range(120):
            assert keys().verification_key(f"kid-{number}") is None
            elapsed.seconds += 1
        assert issuer.asked(JWKS_PATH) == 3

    def test_many_at_once_ask_once(self, issuer, keys):
        issuer.says(JWKS_PATH, jwks(KEY), jwks(KEY, OTHER_KEY))
        keys()
        assert in_threads(10, lambda: knows(keys, OTHER_KEY)) == [True] * 10
        assert issuer.asked(JWKS_PATH) == 2

    def test_asks_nobody_while_the_issuer_is_away(self, issuer, keys, elapsed):
        issuer.says(JWKS_PATH, jwks(KEY), Reply(status=500))
        keys()
        elapsed.seconds += 301
        keys()
        asked = issuer.asked(JWKS_PATH)
        assert not knows(keys, OTHER_KEY)
        assert issuer.asked(JWKS_PATH) == asked


class TestHostileSet:
    @pytest.mark.parametrize("name", UNUSABLE)
    def test_unusable_key_is_passed_over(self, issuer, keys, said, name):
        issuer.says(JWKS_PATH, jwk_set([UNUSABLE[name], GOOD]))
        assert knows(keys)
        assert said() == [("remote.key_unusable", None)]

    @pytest.mark.parametrize("name", UNUSABLE)
    def test_unusable_key_alone_is_a_fault(self, issuer, keys, said, name):
        issuer.says(JWKS_PATH, jwk_set([UNUSABLE[name]]))
        with pytest.raises(TemporarilyUnavailable) as refused:
            keys()
        assert refused.value.reason == "remote_keys_away"
        assert said()[-1] == ("remote.unreachable", "no_usable_key")

    def test_unusable_key_is_said_once_while_it_is_there(self, issuer, keys, elapsed, said, caplog):
        spoiled = {**GOOD, "alg": "none", "kid": "x\n" * 100}
        issuer.says(JWKS_PATH, jwk_set([spoiled, GOOD]))
        for _ in range(3):
            keys()
            elapsed.seconds += 301
        assert said() == [("remote.key_unusable", None)]
        assert "\n" not in caplog.messages[0]
        assert len(caplog.messages[0]) < 300
        issuer.says(JWKS_PATH, jwk_set([{**spoiled, "kid": "other"}, GOOD]))
        keys()
        assert len(said()) == 2

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [
            (jwk_set([]), "no_usable_key"),
            (jwk_set([GOOD] * 65), "malformed"),
            (jwk_set({}), "malformed"),
            (jwk_set(None), "malformed"),
            (Reply(), "malformed"),
            (Reply(body=b"{}"), "malformed"),
            (Reply(body=b"[]"), "malformed"),
            (Reply(body=b"5"), "malformed"),
            (Reply(body=b'{"keys": [], "keys": []}'), "malformed"),
            (Reply(body=b"\xff\xfe"), "malformed"),
            (Reply(body=b'{"keys":' + b"[" * 50_000), "malformed"),
            (Reply(body=b"<html>", headers={"Content-Type": "text/html"}), "not_json"),
            (Reply(body=b" " * (256 * 1024 + 1)), "too_large"),
            (Reply(status=500), "http_500"),
            (Reply(status=302, headers={"Location": "/elsewhere"}), "redirect"),
            (NOT_MODIFIED, "http_304"),
        ],
    )
    def test_last_good_keys_are_kept_and_it_is_said_once(
        self, issuer, elapsed, said, reply, reason
    ):
        keys = make(issuer)
        issuer.says(JWKS_PATH, jwks(KEY), reply)
        assert knows(keys)
        for _ in range(5):
            elapsed.seconds += 301
            assert knows(keys)
            assert said() == [("remote.unreachable", reason)]
        assert issuer.asked("/elsewhere") == 0
        issuer.says(JWKS_PATH, jwks(OTHER_KEY))
        elapsed.seconds += DAY
        assert knows(keys, OTHER_KEY)
        assert said()[-1] == ("remote.recovered", None)

    def test_fails_closed_after_the_bound(self, issuer, elapsed):
        keys = make(issuer, max_staleness_seconds=1000)
        issuer.says(JWKS_PATH, jwks(KEY), Reply(status=500))
        keys()
        elapsed.seconds += 1000
        assert knows(keys)
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable):
            keys()

    def test_hanging_issuer_is_waited_for_once(self, issuer, elapsed, said):
        keys = make(issuer, timeout_seconds=0.5)
        issuer.says(JWKS_PATH, jwks(KEY), hang)
        assert knows(keys)
        for _ in range(5):
            elapsed.seconds += 301
            assert knows(keys)
            assert said() == [("remote.unreachable", "timeout")]

    def test_headers_that_drip_are_given_up(self, issuer, elapsed, said, settle):
        """No timeout of a step reaches those: each byte is in time."""
        keys = make(issuer, timeout_seconds=0.5)
        issuer.says(JWKS_PATH, drip_headers, jwks(KEY))
        with pytest.raises(TemporarilyUnavailable):
            keys()
        elapsed.seconds += 30
        assert knows(keys)
        settle()
        assert said() == [("remote.unreachable", "timeout"), ("remote.recovered", None)]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*GOOD, "n"]), inner),
            max_leaves=8,
        ),
        st.sampled_from([*GOOD, "crv", "n", "e", "y"]),
    )
    def test_any_member_makes_a_key_or_none(self, value, name):
        for jwk in (GOOD, rsa_jwk_once(), curve_jwk_once()):
            spoiled = {**jwk, name: value}
            try:
                key = VerificationKey.from_jwk(json.loads(json.dumps(spoiled)))
            except ValueError:
                continue
            assert key.algorithm == spoiled["alg"]


_ONCE: dict[str, dict[str, Any]] = {}


def rsa_jwk_once() -> dict[str, Any]:
    return _ONCE.setdefault("rsa", UNUSABLE["private RSA"])


def curve_jwk_once() -> dict[str, Any]:
    return _ONCE.setdefault("curve", UNUSABLE["short coordinate"])
