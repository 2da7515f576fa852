"""System checks for settings that work but are dangerous in production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core import checks

from token_exchange.conf import Settings, read_settings
from token_exchange.conf.parsers import RATE_NAMES

_LOCAL_CACHES: Final = ("LocMemCache", "DummyCache", "DatabaseCache", "FileBasedCache")
# As in Django's own security.W009.
_INSECURE_SECRET_KEY_LENGTH: Final = 50
_INSECURE_SECRET_KEY_CHARACTERS: Final = 5


def check_deployment(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check for dangerous settings (W002 to W005, W007, E033)."""
    settings, _problems = read_settings()
    return [] if settings is None else list(_check_deployment(settings))


def _check_deployment(settings: Settings) -> Iterator[checks.CheckMessage]:
    if urlsplit(settings.issuer).scheme != "https":
        yield checks.Warning(
            "TOKEN_EXCHANGE['ISSUER'] is not an https URL (RFC 8414, section 2).",
            hint="Set it to the public https URL of this service.",
            id="token_exchange.W002",
        )
    if not settings.require_https:
        yield checks.Warning(
            "Credentials and tokens are accepted over plain HTTP.",
            hint="Set TOKEN_EXCHANGE['REQUIRE_HTTPS'] = True, or remove it and set DEBUG = False.",
            id="token_exchange.W003",
        )
    if missing := _missing_rates(settings):
        yield checks.Warning(
            f"There is no rate limit for {', '.join(missing)}.",
            hint="Remove TOKEN_EXCHANGE['RATE_LIMITS'] and RATELIMIT_ENABLE, or set every rate.",
            id="token_exchange.W004",
        )
    elif _is_local_cache():
        yield checks.Warning(
            "The cache of the rate limits is not shared by all processes, or does not count "
            "atomically.",
            hint="Use Redis or Memcached in CACHES, or set RATELIMIT_USE_CACHE to such a cache.",
            id="token_exchange.W005",
        )
    if settings.num_proxies is None and _is_behind_proxy():
        yield checks.Warning(
            "Behind a proxy, rate limits and allowed networks see only the proxy's address. Behind "
            "a unix socket they see none, because REMOTE_ADDR is empty. Either way, all clients "
            "share one limit.",
            hint="Set TOKEN_EXCHANGE['NUM_PROXIES'] to the number of proxies that append to "
            "X-Forwarded-For.",
            id="token_exchange.W007",
        )
    if settings.signing_key_encryption_keys is None and _has_insecure_secret_key():
        yield checks.Error(
            "The signing keys are encrypted with an insecure SECRET_KEY.",
            hint="Set a long random SECRET_KEY, and then keep the old one in SECRET_KEY_FALLBACKS "
            "or run rotate_signing_key --all-new. Or set SIGNING_KEY_ENCRYPTION_KEYS.",
            id="token_exchange.E033",
        )


def _is_behind_proxy() -> bool:
    return bool(
        django_settings.SECURE_PROXY_SSL_HEADER
        or django_settings.USE_X_FORWARDED_HOST
        or django_settings.USE_X_FORWARDED_PORT
    )


def _missing_rates(settings: Settings) -> list[str]:
    is_on = getattr(django_settings, "RATELIMIT_ENABLE", True)
    return [name for name in RATE_NAMES if not is_on or name not in settings.rate_limits]


def _is_local_cache() -> bool:
    name = getattr(django_settings, "RATELIMIT_USE_CACHE", "default")
    backend = django_settings.CACHES.get(name, {}).get("BACKEND", "")
    # A cache that does not exist counts nothing.
    return not backend or str(backend).endswith(_LOCAL_CACHES)


def _has_insecure_secret_key() -> bool:
    written: str | bytes = django_settings.SECRET_KEY
    key = written.decode("latin-1") if isinstance(written, bytes) else written
    return (
        len(key) < _INSECURE_SECRET_KEY_LENGTH
        or len(set(key)) < _INSECURE_SECRET_KEY_CHARACTERS
        or key.startswith("django-insecure-")
    )
