"""RemoteKeys: responses of an issuer, or an attacker, without usable keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.remote.jwk import GOOD, KEY, OTHER_KEY, UNUSABLE, knows, make_keys
from tests.support.fake_issuer import (
    JWKS_PATH,
    NOT_MODIFIED,
    Issuer,
    Reply,
    drip_headers,
    hang,
    jwk_set,
    jwks,
)
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.keys import VerificationKey
from token_exchange_core.remote import RemoteKeys

DAY = 86_400


@pytest.fixture
def keys(issuer: Issuer, elapsed: Any) -> RemoteKeys:
    return make_keys(issuer)


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
        keys = make_keys(issuer)
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
        keys = make_keys(issuer, max_staleness_seconds=1000)
        issuer.says(JWKS_PATH, jwks(KEY), Reply(status=500))
        keys()
        elapsed.seconds += 1000
        assert knows(keys)
        elapsed.seconds += 1
        with pytest.raises(TemporarilyUnavailable):
            keys()

    def test_hanging_issuer_is_waited_for_once(self, issuer, elapsed, said):
        keys = make_keys(issuer, timeout_seconds=1)
        issuer.says(JWKS_PATH, jwks(KEY), hang)
        assert knows(keys)
        for _ in range(2):
            elapsed.seconds += 301
            assert knows(keys)
            assert said() == [("remote.unreachable", "timeout")]

    def test_headers_that_drip_are_given_up(self, issuer, elapsed, said, settle):
        """No timeout of a step reaches those: each byte is in time."""
        keys = make_keys(issuer, timeout_seconds=1)
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
        for jwk in (GOOD, UNUSABLE["private RSA"], UNUSABLE["short coordinate"]):
            spoiled = {**jwk, name: value}
            try:
                key = VerificationKey.from_jwk(json.loads(json.dumps(spoiled)))
            except ValueError:
                continue
            assert key.algorithm == spoiled["alg"]
