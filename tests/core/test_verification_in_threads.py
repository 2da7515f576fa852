"""TokenVerifier in many threads: no revoked token is accepted, no valid one refused."""

from __future__ import annotations

import itertools
import random
import threading
from typing import Any

from tests.support.claims import PAYLOAD
from tests.support.forged_tokens import HEADER, KEY, NOW, OTHER_KEY, make_token, make_verifier
from tests.support.thread_pool import call_in_threads
from token_exchange_core.errors import InvalidToken
from token_exchange_core.keys import KeySet
from token_exchange_core.revocation_set import Revocation, RevocationKind, RevocationSet
from token_exchange_core.verification import TokenVerifier

THREADS = 8
TOKENS = {jti: make_token(payload={**PAYLOAD, "jti": jti}) for jti in (str(n) for n in range(60))}


def is_accepted(verifier: TokenVerifier, token: str) -> bool:
    try:
        verifier.verify(token, now=NOW)
    except InvalidToken:
        return False
    return True


def each_in_its_order() -> list[str]:
    return random.sample(sorted(TOKENS), len(TOKENS))


class TestManyThreads:
    def test_each_token_is_its_own(self):
        """With room for fewer than there are, so that they push each other out."""
        verifier = make_verifier(cache_size=10)

        def check() -> None:
            for jti in each_in_its_order() * 3:
                assert verifier.verify(TOKENS[jti], now=NOW).jti == jti

        call_in_threads(THREADS, check)

    def test_what_was_revoked_before_is_refused(self):
        revoked = RevocationSet()
        verifier = make_verifier(revocations=lambda: revoked, cache_size=30)
        dead: set[str] = set()
        order = iter(each_in_its_order())
        turn = threading.Lock()

        def check() -> None:
            for jti in each_in_its_order() * 3:
                with turn:
                    kill = next(order, None)
                    if kill is not None:
                        kind, expires_at = RevocationKind.TOKEN, PAYLOAD["exp"]
                        revoked.add([Revocation(kind=kind, subject=kill, expires_at=expires_at)])
                        dead.add(kill)
                was_dead = jti in dead
                assert not (is_accepted(verifier, TOKENS[jti]) and was_dead)
            assert not any(is_accepted(verifier, each) for each in TOKENS.values())

        call_in_threads(THREADS, check)

    def test_keys_of_the_moment_decide(self):
        """A key comes and goes while tokens of two keys are verified."""
        other = make_token({**HEADER, "kid": OTHER_KEY.kid}, key=OTHER_KEY)
        both = KeySet([KEY.public, OTHER_KEY.public])
        state: dict[str, Any] = {"keys": both}
        verifier = make_verifier(keys=lambda: state["keys"])
        one = KeySet([KEY.public])
        begin = threading.Barrier(THREADS)

        def check() -> None:
            for keys, expected in itertools.chain.from_iterable(
                itertools.repeat([(one, False), (both, True)], 20)
            ):
                begin.wait(10)
                state["keys"] = keys
                begin.wait(10)
                assert is_accepted(verifier, other) is expected
                assert is_accepted(verifier, TOKENS["1"])

        call_in_threads(THREADS, check)
