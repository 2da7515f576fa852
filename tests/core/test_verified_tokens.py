"""Verified tokens that a verifier remembers: that it does, which ones, and how many."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from tests.support.claims import CLAIMS, PAYLOAD
from tests.support.forged_tokens import NOW, make_token, make_verifier
from token_exchange_core import process_state
from token_exchange_core.errors import ExpiredToken, InvalidToken
from token_exchange_core.keys import KeySet, SigningKey
from token_exchange_core.revocation_set import Revocation, RevocationKind, RevocationSet
from token_exchange_core.verification import DEFAULT_CACHE_SIZE, TokenVerifier

KEY = SigningKey.generate("ES256")
HEADER = {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}


class CountingKey:
    """The library's public key, which counts the signatures that it checks."""

    def __init__(self, public_key: Any) -> None:
        self.public_key = public_key
        self.checks = 0

    def verify(self, *arguments: Any) -> None:
        self.checks += 1
        self.public_key.verify(*arguments)


def token(number: int = 0, **changes: Any) -> str:
    return make_token(HEADER, {**PAYLOAD, "jti": f"jti-{number}", **changes}, KEY)


class Checked:
    """A verifier, and how many signatures each call made it check."""

    def __init__(self, **options: Any) -> None:
        self.counting = CountingKey(KEY.public.public_key)
        self.known = KeySet([dataclasses.replace(KEY.public, public_key=self.counting)])
        self.verifier = make_verifier(keys=lambda: self.known, **options)

    def __call__(self, *tokens: str, now: float = NOW) -> list[int]:
        return [self.check(each, now) for each in tokens]

    def check(self, each: str, now: float) -> int:
        before = self.counting.checks
        self.verifier.verify(each, now=now)
        return self.counting.checks - before


def tokens(count: int) -> list[str]:
    return [token(number) for number in range(count)]


class TestRemembered:
    def test_signature_is_checked_once(self):
        checked, (first, second) = Checked(), tokens(2)
        assert checked(first, first, second, first, second, first) == [1, 0, 1, 0, 0, 0]

    def test_each_token_keeps_its_own_claims(self):
        verifier, both = Checked().verifier, tokens(2)
        for _ in range(2):
            claims = [verifier.verify(each, now=NOW) for each in both]
            assert [each.jti for each in claims] == ["jti-0", "jti-1"]
            assert claims[0] == dataclasses.replace(CLAIMS, jti="jti-0")

    def test_until_it_expires(self):
        checked, last = Checked(), CLAIMS.expires_at
        assert checked(token(), token(), now=last - 0.001) == [1, 0]
        with pytest.raises(ExpiredToken):
            checked(token(), now=last)

    def test_revocation_is_asked_about_each_time(self):
        revoked = RevocationSet()
        checked = Checked(revocations=lambda: revoked)
        assert checked(token(), token()) == [1, 0]
        kind = RevocationKind.TOKEN
        revoked.add([Revocation(kind=kind, subject="jti-0", expires_at=CLAIMS.expires_at)])
        with pytest.raises(InvalidToken) as refused:
            checked(token())
        assert refused.value.reason == "token_revoked"

    def test_nbf_is_compared_each_time(self):
        checked, later = Checked(), token(nbf=NOW + 10)
        assert checked(later, now=NOW + 10) == [1]
        with pytest.raises(InvalidToken) as refused:
            checked(later, now=NOW + 9)
        assert refused.value.reason == "not_yet_valid"

    def test_digest_is_that_of_the_whole_token(self):
        """A digest of 256 bits: no two texts have the same one."""
        checked = Checked()
        checked(token())
        [digest] = checked.verifier._verified._tokens
        assert digest == hashlib.blake2b(token().encode(), digest_size=32).digest()


class TestForgotten:
    def test_token_of_a_key_that_is_gone(self):
        checked = Checked()
        assert checked(token(), token()) == [1, 0]
        known, checked.known = checked.known, KeySet([])
        with pytest.raises(InvalidToken) as refused:
            checked(token())
        assert refused.value.reason == "unknown_kid"
        checked.known = known
        assert checked(token(), token()) == [1, 0]

    def test_everything_when_the_process_starts_anew(self):
        checked = Checked()
        checked(token())
        process_state.clear_caches()
        assert checked(token(), token()) == [1, 0]


class TestNotRemembered:
    def attempts(self, checked: Checked, each: str, *, now: float = NOW) -> int:
        for _ in range(3):
            with pytest.raises(InvalidToken):
                checked(each, now=now)
        return checked.counting.checks

    def test_expired(self):
        checked = Checked(leeway_seconds=5)
        assert self.attempts(checked, token(), now=CLAIMS.expires_at + 5) == 3
        assert not checked.verifier._verified._tokens

    def test_expired_within_the_leeway_is(self):
        checked = Checked(leeway_seconds=5)
        assert checked(token(), token(), now=CLAIMS.expires_at + 4.9) == [1, 0]

    def test_signature_of_another(self):
        signed, _, signature = token().rpartition(".")
        forged = f"{signed}.{'A' * len(signature)}"
        assert self.attempts(Checked(), forged) == 3

    def test_claims_of_another_audience(self):
        assert self.attempts(Checked(), token(aud="https://other.test")) == 3


class TestBound:
    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_holds_as_many_as_the_setting_allows(self, size):
        checked, many = Checked(cache_size=size), tokens(size)
        assert checked(*many) == [1] * size
        assert checked(*many) == [0] * size
        assert checked(*tokens(3 * size)[size:]) == [1] * 2 * size
        assert len(checked.verifier._verified._tokens) == size

    def test_drops_the_token_that_was_not_used_for_longest(self):
        checked, (first, second, third, fourth) = Checked(cache_size=3), tokens(4)
        checked(first, second, third)
        assert checked(first) == [0]
        assert checked(fourth) == [1]
        assert checked(first, third, fourth) == [0, 0, 0]
        assert checked(second) == [1]
        assert checked(first) == [1]

    def test_zero_remembers_none(self):
        checked = Checked(cache_size=0)
        assert checked(token(), token(), token()) == [1, 1, 1]
        assert not checked.verifier._verified._tokens

    def test_default(self):
        verifier = TokenVerifier(
            keys=lambda: KeySet([KEY.public]),
            revocations=RevocationSet,
            issuer=CLAIMS.issuer,
            audience=CLAIMS.audience[0],
        )
        assert verifier._verified._size == DEFAULT_CACHE_SIZE == 10_000
