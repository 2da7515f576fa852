from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

PATH = "/v1/leaked-credentials"
ADDRESS = "203.0.113.9"


def report(client: Client, *strings: Any, body: str | bytes | None = None, **extra: Any) -> Any:
    """Post what somebody found, as somebody without a credential does."""
    content = json.dumps(strings) if body is None else body
    content_type = extra.pop("content_type", "application/json")
    return client.generic("POST", PATH, content, content_type, REMOTE_ADDR=ADDRESS, **extra)


@pytest.fixture
def send(https_client: Client, django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Report strings and let what they cause commit: ``send("a", "b")``."""

    def post(*strings: Any, **options: Any) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return report(https_client, *strings, **options)

    return post
