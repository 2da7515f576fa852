from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.observability import notifications

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
ADDRESS = "192.0.2.7"
OWNERS = ["owner@example.com", "second@example.com"]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def warn(django_capture_on_commit_callbacks: Any) -> Callable[..., notifications.Warned]:
    """Warn at another time, and let that commit: ``warn(NOW + DAY)``."""

    def run(now: datetime = NOW, **options: Any) -> notifications.Warned:
        with django_capture_on_commit_callbacks(execute=True):
            return notifications.warn(now=now, **options)

    return run


@pytest.fixture
def mail_owners(token_exchange_settings: Callable[..., None]) -> None:
    """Let e-mail go to ``OWNERS``."""
    token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")


def use_previous(issued: IssuedSecret, *, at: datetime) -> None:
    """Use the secret from before the rotation, as a client that nobody told of the new one."""
    with transaction.atomic():
        credentials.authenticate_api_key(issued.raw_secret, address=ADDRESS, now=at)
