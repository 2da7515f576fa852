"""A frozen clock, and runs of the notifications at other times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from tests.support.authentication import authenticate_api_key
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.observability import notifications
from token_exchange.observability.notifications import NotificationCounts

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
def warn(
    django_capture_on_commit_callbacks: Any,
) -> Callable[..., NotificationCounts]:
    """Send notifications at another time, and commit: ``warn(NOW + DAY)``."""

    def run(now: datetime = NOW, **options: Any) -> NotificationCounts:
        with django_capture_on_commit_callbacks(execute=True):
            return notifications.warn(now=now, **options)

    return run


@pytest.fixture
def mail_owners(token_exchange_settings: Callable[..., None]) -> None:
    """Send e-mails to ``OWNERS``."""
    token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")


def use_previous(issued: IssuedSecret, *, at: datetime) -> None:
    """Use the secret from before the rotation, as a client without the new one does."""
    with transaction.atomic():
        authenticate_api_key(issued.raw_secret, address=ADDRESS, now=at)
