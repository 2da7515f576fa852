"""Safe settings, and the IDs of messages."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks

SHARED_CACHE = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}


def ids(messages: list[checks.CheckMessage]) -> list[str]:
    return [message.id.removeprefix("token_exchange.") for message in messages]


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings of a safe deployment."""
    settings.CACHES = SHARED_CACHE
    return settings
