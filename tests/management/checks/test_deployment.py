"""What a deployment is warned of, and a developer's machine is not."""

from __future__ import annotations

import pytest
from django.core import checks

from tests.management.checks.conftest import SHARED_CACHE, ids
from token_exchange.management.checks import check_deployment


class TestDeployment:
    def test_nothing_to_say_about_a_safe_one(self, production):
        assert check_deployment(None) == []

    def test_issuer_over_plain_http(self, production, token_exchange_settings):
        token_exchange_settings(ISSUER="http://issuer.test")
        assert ids(check_deployment(None)) == ["W002"]

    def test_plain_http(self, production, token_exchange_settings):
        token_exchange_settings(REQUIRE_HTTPS=False)
        assert ids(check_deployment(None)) == ["W003"]

    def test_plain_http_because_of_debug(self, production):
        production.DEBUG = True
        assert ids(check_deployment(None)) == ["W003"]

    @pytest.mark.parametrize("rates", [None, {"token": None, "auth_token": None, "failure": None}])
    def test_no_rate_limits(self, production, token_exchange_settings, rates):
        token_exchange_settings(RATE_LIMITS=rates)
        assert ids(check_deployment(None)) == ["W004"]

    def test_rate_limits_that_the_library_ignores(self, production):
        production.RATELIMIT_ENABLE = False
        assert ids(check_deployment(None)) == ["W004"]

    @pytest.mark.parametrize(
        "backend",
        [
            "django.core.cache.backends.locmem.LocMemCache",
            "django.core.cache.backends.dummy.DummyCache",
            "django.core.cache.backends.db.DatabaseCache",
            "django.core.cache.backends.filebased.FileBasedCache",
        ],
    )
    def test_cache_that_does_not_count_for_all(self, production, backend):
        production.CACHES = {"default": {"BACKEND": backend}}
        assert ids(check_deployment(None)) == ["W005"]

    def test_cache_of_the_counters_decides(self, production):
        local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        production.CACHES = {**SHARED_CACHE, "local": local}
        assert check_deployment(None) == []
        production.RATELIMIT_USE_CACHE = "local"
        assert ids(check_deployment(None)) == ["W005"]
        production.RATELIMIT_USE_CACHE = "nowhere"
        assert ids(check_deployment(None)) == ["W005"]

    @pytest.mark.parametrize(
        "key", ["django-insecure-" + "k3y-" * 20, "short", "ab" * 40, b"short"]
    )
    def test_insecure_secret_key(self, production, key):
        production.SECRET_KEY = key
        [message] = check_deployment(None)
        assert (ids([message]), message.level) == (["E033"], checks.ERROR)
        assert str(key) not in f"{message.msg}{message.hint}"

    def test_secret_key_that_encrypts_nothing(self, production, token_exchange_settings):
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=["k3y-of-its-own-" * 4])
        production.SECRET_KEY = "short"
        assert check_deployment(None) == []


class TestMissingRates:
    @pytest.mark.parametrize("name", ["token", "auth_token", "failure"])
    def test_each_is_named(self, production, token_exchange_settings, name):
        token_exchange_settings(RATE_LIMITS={name: None})
        [message] = check_deployment(None)
        assert ids([message]) == ["W004"]
        assert f"for {name}." in message.msg


class TestProxies:
    def test_that_hide_the_clients(self, production):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert ids(check_deployment(None)) == ["W007"]

    def test_that_are_counted(self, production, token_exchange_settings):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        token_exchange_settings(NUM_PROXIES=1)
        assert check_deployment(None) == []
