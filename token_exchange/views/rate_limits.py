"""How often may one credential exchange, and one address be refused?

An authenticated request counts once, by credential; a refusal counts by address, and an address
over its limit hears 429 instead of the refusal. So nobody can lock out a key whose public id they
know, nor an innocent behind the same address.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django_ratelimit.core import get_usage

from token_exchange.conf import get_settings
from token_exchange_core.errors import SlowDown, TemporarilyUnavailable
from token_exchange_core.event_log import log_event
from token_exchange_core.networks import site_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Where a counter stands (draft-ietf-httpapi-ratelimit-headers-10)."""

    name: str
    """Of the policy: a key of the setting ``RATE_LIMITS``."""
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    """Until the window ends; at least 1."""

    @property
    def headers(self) -> dict[str, str]:
        """The fields RateLimit and RateLimit-Policy, which are Structured Fields (RFC 9651)."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.quota};w={self.window_seconds}',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset_seconds}',
        }


class RateExceeded(SlowDown):
    """Refuse a request over its rate, and tell the client when to try again."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(reason=f"rate_{usage.name}")
        self.usage = usage
        self.retry_after_seconds = usage.reset_seconds

    @property
    def headers(self) -> dict[str, str]:
        """Add the fields that describe the limit."""
        return {**super().headers, **self.usage.headers}


def count_success(request: Any, *, name: str, identifier: str) -> Usage | None:
    """Count an exchange of the credential; ``None`` where that is off or the cache is away.

    Raises ``RateExceeded``, or ``TemporarilyUnavailable`` if the cache is away and
    ``RATE_LIMIT_FAIL_OPEN`` is off.
    """
    return _count(request, name=name, key=f"credential:{identifier}")


def count_failure(request: Any, *, address: str) -> None:
    """Count a refusal to the address; raises as ``count_success`` does."""
    _count(request, name="failure", key=f"address:{site_of(address)}")


def count_report(request: Any, *, address: str) -> Usage | None:
    """Count a report of leaks from the address; returns and raises as ``count_success`` does."""
    return _count(request, name="leak_report", key=f"address:{site_of(address)}")


def _count(request: Any, *, name: str, key: str) -> Usage | None:
    rate = get_settings().rate_limits.get(name)
    if rate is None:
        return None
    window = (rate.quota, rate.window_seconds)
    try:
        usage = get_usage(
            request,
            group=f"token_exchange:{name}:",
            key=lambda _group, _request: key,
            rate=lambda _group, _request: window,
            increment=True,
        )
    except Exception as error:  # noqa: BLE001 - each cache backend has errors of its own
        _cache_away(type(error).__name__)
        return None
    if usage is None and not getattr(django_settings, "RATELIMIT_ENABLE", True):
        return None
    # How the library says that it could not count; None where RATELIMIT_FAIL_OPEN is on.
    if usage is None or not usage["limit"]:
        _cache_away("no count")
        return None
    counted = Usage(
        name=name,
        quota=rate.quota,
        window_seconds=rate.window_seconds,
        remaining=max(0, rate.quota - usage["count"]),
        # Of the window's last second the library says that none is left.
        reset_seconds=max(1, usage["time_left"] + 1),
    )
    if usage["should_limit"]:
        raise RateExceeded(counted)
    return counted


def _cache_away(cause: str) -> None:
    fail_open = get_settings().rate_limit_fail_open
    log_event(logging.ERROR, "rate_limit.cache_away", cause=cause, fail_open=fail_open)
    if not fail_open:
        raise TemporarilyUnavailable(reason="cache_away")
