"""Fixtures that need no framework: a monotonic clock that stands still, an issuer on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import settings as hypothesis_settings

from tests.support.fake_issuer import WAIT_SECONDS, Issuer
from token_exchange_core import keys

# As many examples on every machine, however slow it is; a failure prints how to repeat it.
hypothesis_settings.register_profile("token_exchange", deadline=None, print_blob=True)
hypothesis_settings.load_profile("token_exchange")


@pytest.fixture
def elapsed(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stop the clock that only counts: ``elapsed.seconds += 10`` moves it.

    time-machine moves the clocks that tell the time, and leaves this one as it is.
    """
    clock = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.seconds)
    return clock


@pytest.fixture
def settle() -> Callable[[], None]:
    """Wait until no refresh is under way."""

    def wait() -> None:
        for thread in threading.enumerate():
            if thread.name == "token_exchange_core.remote":
                thread.join(WAIT_SECONDS)
                assert not thread.is_alive()

    return wait


@pytest.fixture
def issuer(settle: Callable[[], None]) -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()
    settle()


@pytest.fixture
def old_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behave as cryptography with an OpenSSL before 3.2, which cannot sign after RFC 6979."""

    class OldECDSA(ec.ECDSA):
        def __init__(self, algorithm: Any, deterministic_signing: bool = False) -> None:
            if deterministic_signing:
                raise UnsupportedAlgorithm("not supported by this version of OpenSSL")
            super().__init__(algorithm)

    monkeypatch.setattr(ec, "ECDSA", OldECDSA)
    for remembered in (each.__dict__ for each in keys._ALGORITHMS.values()):
        monkeypatch.delitem(remembered, "_signature_algorithm", raising=False)
