"""The content of the rate limit cache, and requests while it is unavailable."""

from __future__ import annotations

import socket

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.http.client import assert_refused
from tests.support.cache_contents import cache_contents
from tests.views.rate_limits.endpoint import Endpoint, statuses
from token_exchange.models import AccessToken

REDIS_BACKEND = "django.core.cache.backends.redis.RedisCache"

pytestmark = pytest.mark.django_db


class TestCacheContents:
    def test_contain_neither_secret_nor_identifier_nor_address(self, https_client):
        told = ["192.0.2", "address:", "credential:"]
        for path in ("/v1/token", "/auth_token"):
            endpoint = Endpoint(path, https_client)
            endpoint.post(REMOTE_ADDR="192.0.2.77")
            endpoint.fail(REMOTE_ADDR="192.0.2.77")
            told += [endpoint.issued.raw_secret, endpoint.issued.credential.identifier]
        keys = cache_contents()
        assert len(keys) == 3
        assert all(key.isascii() and key.isprintable() and len(key) < 200 for key in keys)
        assert not [part for part in told for key in keys if part in key]


@pytest.fixture
def refused_cache(settings):
    """A Redis whose port is closed."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    _use_redis(settings, port)


@pytest.fixture
def hung_cache(settings):
    """A Redis that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.setblocking(False)
        _use_redis(settings, listener.getsockname()[1])
        yield listener
        caches["default"].close()


def _use_redis(settings, port):
    settings.CACHES = {
        "default": {
            "BACKEND": REDIS_BACKEND,
            "LOCATION": f"redis://127.0.0.1:{port}/0",
            "OPTIONS": {
                "socket_timeout": 0.2,
                "socket_connect_timeout": 0.2,
                "retry": Retry(NoBackoff(), 0),
            },
        }
    }


class FullCache(BaseCache):
    """A cache that stores nothing, as a full Memcached: nothing can be counted."""

    def __init__(self, location, params):
        super().__init__(params)

    def add(self, *_, **__):
        return False

    def incr(self, key, *_, **__):
        raise ValueError(key)

    def clear(self):
        """Do nothing: the cache is always empty."""


@pytest.mark.parametrize("away", ["refused_cache", "hung_cache"])
class TestCacheAway:
    @pytest.fixture(autouse=True)
    def _away(self, away, request):
        request.getfixturevalue(away)

    def test_fails_open_by_default_and_says_so_in_the_log(self, endpoint, caplog):
        answers = [endpoint.post(), endpoint.fail()]
        assert statuses(answers) == [200, 401]
        assert "RateLimit" not in answers[0]
        events = [record for record in caplog.records if "rate_limit.cache_away" in record.message]
        assert len(events) == 2
        assert all(record.event_fields["fail_open"] is True for record in events)

    def test_fails_closed_by_the_setting(self, endpoint, token_exchange_settings):
        token_exchange_settings(RATE_LIMIT_FAIL_OPEN=False)
        for response in (endpoint.post(), endpoint.fail()):
            assert_refused(response, 503, "temporarily_unavailable")
            assert int(response["Retry-After"]) > 0
        assert not AccessToken.objects.exists()

    def test_cache_is_not_used_when_the_limits_are_off(self, endpoint, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS=None, RATE_LIMIT_FAIL_OPEN=False)
        assert statuses([endpoint.post(), endpoint.fail()]) == [200, 401]


def test_a_cache_that_never_answers_is_asked_once_a_request(endpoint, hung_cache):
    for send in (endpoint.post, endpoint.fail):
        send()
        hung_cache.accept()[0].close()
        with pytest.raises(BlockingIOError):
            hung_cache.accept()


class TestCacheThatDoesNotCount:
    @pytest.fixture(autouse=True)
    def _full(self, settings):
        settings.CACHES = {"default": {"BACKEND": "tests.views.rate_limits.test_outages.FullCache"}}

    def test_fails_open_by_default(self, endpoint, caplog):
        assert statuses([endpoint.post(), endpoint.fail()]) == [200, 401]
        assert "no count" in caplog.text

    @pytest.mark.parametrize("librarys_choice", [True, False])
    def test_fails_closed_by_our_setting_alone(
        self, endpoint, settings, token_exchange_settings, librarys_choice
    ):
        settings.RATELIMIT_FAIL_OPEN = librarys_choice
        token_exchange_settings(RATE_LIMIT_FAIL_OPEN=False)
        assert_refused(endpoint.post(), 503, "temporarily_unavailable")
