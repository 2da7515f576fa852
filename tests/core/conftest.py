"""Signing keys for the tests of the core."""

from __future__ import annotations

import pytest

from token_exchange_core.keys import ALGORITHMS, SigningKey


@pytest.fixture(scope="session")
def signing_keys() -> dict[str, SigningKey]:
    """One key of each algorithm, made once: an RSA key takes a while."""
    return {name: SigningKey.generate(name) for name in sorted(ALGORITHMS)}


@pytest.fixture(params=sorted(ALGORITHMS))
def any_signing_key(request: pytest.FixtureRequest, signing_keys: dict[str, SigningKey]):
    return signing_keys[request.param]
