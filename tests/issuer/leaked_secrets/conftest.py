"""Reports of leaked secrets, sent without a credential."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.support.factories import make_api_key, make_client_app
from token_exchange.models import Credential

PATH = "/v1/leaked-credentials"
ADDRESS = "203.0.113.9"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def report(client: Client, *strings: Any, body: str | bytes | None = None, **extra: Any) -> Any:
    """Send a report of these strings."""
    content = json.dumps(strings) if body is None else body
    content_type = extra.pop("content_type", "application/json")
    return client.generic("POST", PATH, content, content_type, REMOTE_ADDR=ADDRESS, **extra)


@pytest.fixture
def send(https_client: Client, django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Report strings and run what follows the commit: ``send("a", "b")``."""

    def post(*strings: Any, **options: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return report(https_client, *strings, **options)

    return post


@pytest.fixture
def frozen_clock(token_exchange_settings: Any) -> Iterator[None]:
    """Stop the clock at ``NOW``, without rate limits, whose windows would begin at other times."""
    token_exchange_settings(RATE_LIMITS=None)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(params=[make_api_key, make_client_app])
def issued(request: pytest.FixtureRequest) -> Any:
    return request.param(now=NOW)


def revoked_credentials() -> list[int]:
    rows = Credential.objects.filter(revoked_at__isnull=False).order_by("pk")
    return list(rows.values_list("pk", flat=True))
