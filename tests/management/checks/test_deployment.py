"""System checks that run with ``check --deploy``."""

from __future__ import annotations

import pytest
from django.core import checks

from tests.management.checks.conftest import SHARED_CACHE, ids
from token_exchange.management.checks import check_deployment


class TestDeployment:
    def test_safe_deployment_has_no_messages(self, production):
        assert check_deployment(None) == []

    def test_issuer_over_plain_http_is_w002(self, production, token_exchange_settings):
        token_exchange_settings(ISSUER="http://issuer.test")
        assert ids(check_deployment(None)) == ["W002"]

    def test_plain_http_is_w003(self, production, token_exchange_settings):
        token_exchange_settings(REQUIRE_HTTPS=False)
        assert ids(check_deployment(None)) == ["W003"]

    def test_plain_http_because_of_debug_is_w003(self, production):
        production.DEBUG = True
        assert ids(check_deployment(None)) == ["W003"]

    @pytest.mark.parametrize("rates", [None, {"token": None, "auth_token": None, "failure": None}])
    def test_no_rate_limits_is_w004(self, production, token_exchange_settings, rates):
        token_exchange_settings(RATE_LIMITS=rates)
        assert ids(check_deployment(None)) == ["W004"]

    def test_disabled_rate_limits_are_w004(self, production):
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
    def test_local_cache_is_w005(self, production, backend):
        production.CACHES = {"default": {"BACKEND": backend}}
        assert ids(check_deployment(None)) == ["W005"]

    def test_ratelimit_use_cache_decides(self, production):
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
    def test_insecure_secret_key_is_e033(self, production, key):
        production.SECRET_KEY = key
        [message] = check_deployment(None)
        assert (ids([message]), message.level) == (["E033"], checks.ERROR)
        assert str(key) not in f"{message.msg}{message.hint}"

    def test_insecure_secret_key_without_signing_keys_is_fine(
        self, production, token_exchange_settings
    ):
        token_exchange_settings(SIGNING_KEY_ENCRYPTION_KEYS=["k3y-of-its-own-" * 4])
        production.SECRET_KEY = "short"
        assert check_deployment(None) == []


class TestMissingRates:
    @pytest.mark.parametrize("name", ["token", "auth_token", "failure"])
    def test_message_names_each_missing_rate(self, production, token_exchange_settings, name):
        token_exchange_settings(RATE_LIMITS={name: None})
        [message] = check_deployment(None)
        assert ids([message]) == ["W004"]
        assert f"for {name}." in message.msg


class TestProxies:
    def test_unknown_number_is_w007(self, production):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert ids(check_deployment(None)) == ["W007"]

    @pytest.mark.parametrize("name", ["USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT"])
    def test_other_signs_of_a_proxy_are_w007(self, production, name):
        setattr(production, name, True)
        assert ids(check_deployment(None)) == ["W007"]

    def test_w007_names_the_unix_socket(self, production):
        production.USE_X_FORWARDED_HOST = True
        [message] = check_deployment(None)
        assert "unix socket" in message.msg
        assert "REMOTE_ADDR is empty" in message.msg

    def test_known_number_is_fine(self, production, token_exchange_settings):
        production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        token_exchange_settings(NUM_PROXIES=1)
        assert check_deployment(None) == []
