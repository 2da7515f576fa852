"""Fixtures of the tests of keys and revocations over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from tests.core.remote.feed import NOW, make_revocations
from tests.core.remote.source import Source, make
from tests.support.fake_issuer import Issuer
from token_exchange_core.remote import RemoteRevocations
from token_exchange_core.remote.background_refresh import BackgroundRefresh


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of this machine's would not find an issuer that is here."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def said(
    caplog: pytest.LogCaptureFixture, settle: Callable[[], None]
) -> Callable[[], list[tuple[str, str]]]:
    """Return what the log says once all is quiet: each event, and its reason."""
    caplog.set_level(logging.INFO, logger="token_exchange")

    def events() -> list[tuple[str, str]]:
        settle()
        records: list[Any] = [each for each in caplog.records if each.name == "token_exchange"]
        return [(each.event, each.event_fields.get("reason")) for each in records]

    return events


@pytest.fixture
def source(settle: Callable[[], None]) -> Iterator[Source]:
    source = Source()
    yield source
    source.may_go_on.set()
    settle()


@pytest.fixture
def refreshing(source: Source, elapsed: Any) -> BackgroundRefresh[int]:
    return make(source)


@pytest.fixture
def clock() -> Iterator[Any]:
    """The clock that tells the time; ``elapsed`` is the one that counts."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def revocations(issuer: Issuer, elapsed: Any) -> RemoteRevocations:
    return make_revocations(issuer)
