"""Fixtures of the tests of a service without our tables."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of this machine's would not find an issuer that is here."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
