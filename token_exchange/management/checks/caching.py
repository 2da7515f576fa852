"""System check of the project's cache middleware."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.middleware.cache import UpdateCacheMiddleware
from django.utils.module_loading import import_string

from token_exchange.middleware import PrivateResponseMiddleware


def check_caching(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check that answers to authenticated requests are private where pages are cached (W010)."""
    installed = list(_middleware_classes())
    if _includes(installed, UpdateCacheMiddleware) and not _includes(
        installed, PrivateResponseMiddleware
    ):
        return [
            checks.Warning(
                "Django's cache middleware is installed, but nothing marks answers to "
                "authenticated requests as private.",
                hint="Add 'token_exchange.middleware.PrivateResponseMiddleware' to MIDDLEWARE.",
                id="token_exchange.W010",
            )
        ]
    return []


def _middleware_classes() -> Iterator[type]:
    for path in django_settings.MIDDLEWARE:
        try:
            middleware = import_string(path)
        except ImportError:  # Django itself reports it when it starts to answer requests.
            continue
        if isinstance(middleware, type):
            yield middleware


def _includes(installed: list[type], wanted: type) -> bool:
    return any(issubclass(each, wanted) for each in installed)
