"""Ports that fail, and the Celery app and cache of a project."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, current_app


@pytest.fixture
def closed_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield listener.getsockname()[1]


@pytest.fixture
def celery_app() -> Iterator[Callable[..., Celery]]:
    """Create the Celery app of the project: ``celery_app(broker_url=…)``."""
    before = current_app._get_current_object()

    def make(**values: Any) -> Celery:
        app = Celery("project")
        app.conf.update(values)
        return app

    yield make
    before.set_current()


@pytest.fixture
def redis_cache(settings: Any) -> Callable[..., None]:
    """Use Redis for the rate limits: ``redis_cache("redis://…", socket_timeout=1)``."""

    def use(location: str | list[str], **options: Any) -> None:
        backend = "django.core.cache.backends.redis.RedisCache"
        cache = {"BACKEND": backend, "LOCATION": location, "OPTIONS": options}
        settings.CACHES = {**settings.CACHES, "counters": cache}
        settings.RATELIMIT_USE_CACHE = "counters"

    return use
