"""A second process that verifies tokens while this one revokes them."""

from __future__ import annotations

import time
from typing import Any

from token_exchange.issuer.tokens import verify_access_token
from token_exchange_core.errors import InvalidToken

SECONDS = 60


def watch(member: int, signals: Any, tokens: dict[str, str]) -> dict[str, float]:
    """Verify each token again and again until all are refused.

    Returns when the last verification began that accepted it, by the clock that all processes of
    this machine share.
    """
    last: dict[str, float] = {}
    left = dict(tokens)
    signals.start.wait(SECONDS)
    stop_at = time.monotonic() + SECONDS
    while left and time.monotonic() < stop_at:
        for name, token in list(left.items()):
            began_at = time.monotonic()
            try:
                verify_access_token(token, now=time.time())
            except InvalidToken:
                del left[name]
            else:
                last[name] = began_at
        signals.progress.release()
    assert not left, left
    return last
