"""Findings about the cache of the rate limits."""

from __future__ import annotations

import re

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from tests.management.doctor.reports import examine, last_of

pytestmark = pytest.mark.django_db

LOCAL = "django.core.cache.backends.locmem.LocMemCache"
PATIENCE = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}


class BrokenCache(BaseCache):
    """A backend whose error message contains its address."""

    def __init__(self, location, params):
        super().__init__(params)
        self.location = location

    def add(self, *_, **__):
        raise CacheBrokenError(f"no use: {self.location}")


class CacheBrokenError(Exception):
    pass


class FullCache(BaseCache):
    """A backend that is full."""

    def __init__(self, location, params):
        super().__init__(params)

    def add(self, *_, **__):
        return False


class ForgetfulCache(BaseCache):
    """A backend that confirms each value and stores none."""

    def __init__(self, location, params):
        super().__init__(params)

    def add(self, *_, **__):
        return True

    def get(self, key, default=None, version=None):
        return default

    def delete(self, *_, **__):
        return False


def use(settings, backend, **values):
    settings.CACHES = {**settings.CACHES, "counters": {"BACKEND": backend, **values}}
    settings.RATELIMIT_USE_CACHE = "counters"


def test_cache_that_counts_is_ok(settings):
    use(settings, LOCAL)
    (finding,) = examine().of("cache")
    assert finding[0] == "ok"
    assert re.fullmatch(r"'counters' counts requests and answers in [0-9]+\.[0-9] ms\.", finding[1])
    assert caches["counters"]._cache == {}


def test_the_cache_of_the_tests_counts():
    assert [level for level, text in examine().of("cache") if "counts requests" in text] == ["ok"]


@pytest.mark.parametrize("way", ["RATE_LIMITS", "RATELIMIT_ENABLE"])
def test_cache_is_not_used_if_rate_limits_are_off(settings, token_exchange_settings, way):
    use(settings, f"{__name__}.BrokenCache")
    if way == "RATE_LIMITS":
        token_exchange_settings(RATE_LIMITS=None)
    else:
        settings.RATELIMIT_ENABLE = False
    assert examine().of("cache") == [("ok", "Rate limits are off, so no cache is needed.")]


@pytest.mark.parametrize(
    "backend",
    [f"{__name__}.FullCache", f"{__name__}.ForgetfulCache"],
    ids=["full", "forgetful"],
)
def test_cache_that_stores_nothing_is_an_error(settings, backend):
    use(settings, backend)
    expected = "'counters' does not store values, so requests are not limited."
    assert examine().of("cache") == [("error", expected)]


def test_cache_that_fails_is_an_error_without_its_password(settings):
    use(settings, f"{__name__}.BrokenCache", LOCATION="redis://:pass/word@cache.test:1/0")
    expected = "It failed: CacheBrokenError: no use: **@cache.test:1/0"
    report = examine()
    assert report.of("cache") == [("error", expected)]
    assert "that CACHES has its address" in report.hint("cache")


def test_missing_cache_is_an_error(settings):
    settings.RATELIMIT_USE_CACHE = "nowhere"
    expected = "It failed: InvalidCacheBackendError: The connection 'nowhere' doesn't exist."
    assert examine().of("cache") == [("error", expected)]


class TestRedis:
    def test_that_refuses_is_an_error(self, redis_cache, closed_port):
        redis_cache(f"redis://:secret-of-the-cache@127.0.0.1:{closed_port}/0", **PATIENCE)
        ((level, text),) = examine().of("cache")
        assert level == "error"
        assert text.startswith("It failed: ConnectionError: Error 111 connecting to 127.0.0.1:")

    def test_that_never_answers_is_an_error(self, redis_cache, silent_port):
        redis_cache(f"redis://127.0.0.1:{silent_port}/0", socket_timeout=None)
        expected = ("error", "No answer within 0.2 s.")
        assert last_of("cache", timeout_seconds=0.2) == expected

    @pytest.mark.parametrize("where", ["OPTIONS", "LOCATION", "each"])
    def test_with_timeouts_brings_no_warning(self, redis_cache, closed_port, where):
        url = f"redis://127.0.0.1:{closed_port}/0"
        query = "?socket_timeout=0.2&socket_connect_timeout=0.2"
        if where == "OPTIONS":
            redis_cache(url, **PATIENCE)
        else:
            redis_cache(url + query if where == "LOCATION" else [url + query, url + query])
        ((level, text),) = examine().of("cache")
        assert (level, text.partition(": Error")[0]) == ("error", "It failed: ConnectionError")

    @pytest.mark.parametrize(
        ("options", "missing"),
        [
            ({}, "no socket_connect_timeout and no socket_timeout"),
            ({"socket_timeout": 1}, "no socket_connect_timeout"),
            ({"SOCKET_CONNECT_TIMEOUT": 1, "socket_timeout": None}, "no socket_timeout"),
        ],
    )
    def test_without_timeouts_is_a_warning(self, redis_cache, closed_port, options, missing):
        redis_cache(f"redis://127.0.0.1:{closed_port}/0", **options)
        expected = f"'counters' has {missing}: if Redis hangs, so do requests."
        assert examine().of("cache")[0] == ("warning", expected)
