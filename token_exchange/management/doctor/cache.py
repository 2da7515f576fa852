"""Examination of the cache that counts requests for the rate limits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from token_exchange.conf import get_settings
from token_exchange.management.doctor.findings import Finding, error, ok, warning
from token_exchange_core.secret_strings import random_text

_TIMEOUTS: Final = ("socket_connect_timeout", "socket_timeout")
_LIFETIME_SECONDS: Final = 60


def examine(_now: datetime) -> Iterator[Finding]:
    """Count with a temporary key in the same way as the rate limits."""
    if not get_settings().rate_limits or not getattr(django_settings, "RATELIMIT_ENABLE", True):
        yield ok("Rate limits are off, so no cache is needed.")
        return
    name = getattr(django_settings, "RATELIMIT_USE_CACHE", "default")
    cache = caches[name]
    # First, because a cache without time-outs may not get any further.
    yield from _timeouts(name, django_settings.CACHES[name])
    if _counts(cache):
        yield ok(f"{name!r} counts requests and answers in {_round_trip(cache) * 1000:.1f} ms.")
    else:
        yield error(
            f"{name!r} does not store values, so requests are not limited.",
            "Check whether it is full or a dummy cache, or set RATELIMIT_USE_CACHE to another one.",
        )


def _counts(cache: BaseCache) -> bool:
    key = _unused_key()
    if not cache.add(key, 1, timeout=_LIFETIME_SECONDS):
        return False
    try:
        return bool(cache.incr(key) == 2 == cache.get(key))  # noqa: PLR2004 - 1 + 1
    except ValueError:  # the key is gone
        return False
    finally:
        cache.delete(key)


def _round_trip(cache: BaseCache) -> float:
    """Return the seconds that the simplest query takes on an open connection."""
    started_at = time.perf_counter()
    cache.get(_unused_key())
    return time.perf_counter() - started_at


def _unused_key() -> str:
    return f"token_exchange:doctor:{random_text(22)}"


def _timeouts(name: str, config: Mapping[str, Any]) -> Iterator[Finding]:
    if not str(config["BACKEND"]).endswith("RedisCache"):
        return
    options = config.get("OPTIONS", {})
    given = {each.lower() for each, value in options.items() if value is not None}
    missing = [
        each
        for each in _TIMEOUTS
        if each not in given
        and not all(each in parse_qs(urlsplit(url).query) for url in _urls(config))
    ]
    if missing:
        yield warning(
            f"{name!r} has no {' and no '.join(missing)}: if Redis hangs, so do requests.",
            f"Set {' and '.join(missing)} in its OPTIONS, for example to 0.2 (seconds).",
        )


def _urls(config: Mapping[str, Any]) -> Iterable[str]:
    location = config.get("LOCATION", "")
    return [location] if isinstance(location, str) else location
