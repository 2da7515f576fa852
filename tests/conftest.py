"""Fixtures for all tests of the app, and a process state that starts empty for each test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.dispatch import Signal
from django.test import Client

from tests.support import entitlements
from tests.support.clients import HttpsClient
from tests.support.factories import make_organization
from token_exchange_core import process_state

pytest_plugins = ["tests.support.fixtures"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``postgresql`` on other databases."""
    if connection.vendor != "postgresql":
        reason = "needs PostgreSQL in DATABASE_URL: SQLite lets one connection write at a time"
        for item in items:
            if item.get_closest_marker("postgresql"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Begin and end with what a new process has in memory: no cached rows, settings or counts."""
    _clear()
    yield
    _clear()


@pytest.fixture
def elapsed(elapsed: SimpleNamespace) -> SimpleNamespace:
    """Stop the monotonic clock, and start this process's state at the time that it shows.

    What ``_fresh_process`` left is due by the machine's clock, which is small after a boot: counts
    would be written in the middle of a test.
    """
    _clear()
    return elapsed


def _clear() -> None:
    process_state.clear_all()
    cache.clear()


@pytest.fixture
def still_clock() -> Iterator[None]:
    """Stop the clock now, so that no window of a rate limit ends during the test."""
    with time_machine.travel(time.time(), tick=False):
        yield


@pytest.fixture
def https_client() -> Client:
    """Return a test client that sends its requests over https."""
    return HttpsClient()


@pytest.fixture
def token_exchange_settings(settings: Any) -> Callable[..., None]:
    """Change keys of TOKEN_EXCHANGE for one test: ``token_exchange_settings(AUDIENCE="x")``."""

    def change(**values: Any) -> None:
        settings.TOKEN_EXCHANGE = {**settings.TOKEN_EXCHANGE, **values}

    return change


@pytest.fixture
def hear() -> Iterator[Callable[[Signal], list[dict[str, Any]]]]:
    """Record what a signal sends: ``said = hear(credential_issued)`` lists its arguments."""
    connected = []

    def listen(signal: Signal) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []

        def receiver(*, signal: Signal, sender: Any, **arguments: Any) -> None:
            said.append(arguments)

        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))
        return said

    yield listen
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def entitlement(db: None, token_exchange_settings: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """Entitle every user to keys with the scope reports:read; change the dictionary for more."""
    token_exchange_settings(SELF_SERVICE_ENTITLEMENT=entitlements.PATH)
    entitlements.values.clear()
    entitlements.values.update(organization=make_organization(), scopes=["reports:read"])
    yield entitlements.values
    entitlements.values.clear()
