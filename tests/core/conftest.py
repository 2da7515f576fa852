"""How much the property tests try: the same on every machine, however slow."""

from __future__ import annotations

import pytest
from hypothesis import settings

from token_exchange.core.keys import ALGORITHMS, SigningKey

settings.register_profile("token_exchange", deadline=None, max_examples=200, print_blob=True)
settings.load_profile("token_exchange")


@pytest.fixture(scope="session")
def signing_keys() -> dict[str, SigningKey]:
    """One key of each algorithm, made once: an RSA key takes a while."""
    return {name: SigningKey.generate(name) for name in sorted(ALGORITHMS)}


@pytest.fixture(params=sorted(ALGORITHMS))
def any_signing_key(request: pytest.FixtureRequest, signing_keys: dict[str, SigningKey]):
    return signing_keys[request.param]
