"""System check of cache middleware."""

from __future__ import annotations

import pytest
from django.core import checks
from django.middleware.cache import CacheMiddleware

from tests.management.checks.conftest import ids
from token_exchange.management.checks import check_caching

UPDATE = "django.middleware.cache.UpdateCacheMiddleware"
PRIVATE = "token_exchange.middleware.PrivateResponseMiddleware"


class OwnCacheMiddleware(CacheMiddleware):
    """A project's own."""


def as_a_function(get_response):
    """A project's middleware that is not a class."""
    return get_response


@pytest.mark.parametrize(
    "path",
    [
        UPDATE,
        "django.middleware.cache.CacheMiddleware",
        "tests.management.checks.test_caching.OwnCacheMiddleware",
    ],
)
def test_cache_middleware_alone_is_w010(settings, path):
    settings.MIDDLEWARE = [path, *settings.MIDDLEWARE]
    assert ids(check_caching(None)) == ["W010"]


@pytest.mark.parametrize("place", [0, 1])
def test_cache_middleware_with_ours_is_fine(settings, place):
    settings.MIDDLEWARE = [UPDATE, *settings.MIDDLEWARE]
    settings.MIDDLEWARE.insert(place, PRIVATE)
    assert check_caching(None) == []


def test_without_cache_middleware_nothing_is_asked_for(settings):
    settings.MIDDLEWARE = ["no.such.module", "tests.management.checks.test_caching.as_a_function"]
    assert check_caching(None) == []


def test_is_part_of_the_check_command(settings):
    settings.MIDDLEWARE = [UPDATE, *settings.MIDDLEWARE]
    assert "W010" in ids(checks.run_checks(tags=[checks.Tags.security]))
