"""TokenVerifier: valid tokens, and text that does not have the form of a token."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.claims import CLAIMS, PAYLOAD
from tests.support.forged_tokens import (
    HEADER,
    KEY,
    NOW,
    OTHER_KEY,
    b64,
    make_token,
    make_verifier,
    part,
    reason_for,
)
from token_exchange_core.errors import InvalidToken
from token_exchange_core.keys import KeySet
from token_exchange_core.revocation_set import RevocationSet
from token_exchange_core.verification import MAX_TOKEN_LENGTH


class TestGoodToken:
    def test_claims_are_returned(self):
        assert make_verifier().verify(make_token(), now=NOW) == CLAIMS

    def test_every_algorithm(self, any_signing_key):
        header = {**HEADER, "alg": any_signing_key.algorithm, "kid": any_signing_key.kid}
        token = make_token(header, key=any_signing_key)
        assert make_verifier(any_signing_key).verify(token, now=NOW) == CLAIMS

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
        assert reason_for(token[:-1] + other_last) == "bad_signature"


class TestTokenVerifier:
    def test_asks_about_revocation_once_all_else_is_known(self):
        asked = []

        def revocations():
            asked.append("revocations")
            return RevocationSet()

        verifier = make_verifier(revocations=revocations)
        for token in ("garbage", make_token(key=OTHER_KEY), make_token(payload={})):
            with contextlib.suppress(InvalidToken):
                verifier.verify(token, now=NOW)
        assert asked == []
        verifier.verify(make_token(), now=NOW)
        assert asked == ["revocations"]

    def test_hash_confusion_needs_the_private_key(self):
        """The kid is public: knowing it, and the thumbprint's input, signs nothing."""
        signature = hashlib.sha512(KEY.kid.encode()).digest()
        token = f"{part(HEADER)}.{part(PAYLOAD)}.{b64(signature)}"
        assert reason_for(token) == "bad_signature"
