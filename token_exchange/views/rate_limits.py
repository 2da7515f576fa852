"""Rate limits: exchanges by credential, refusals by address.

An address over its limit gets 429 instead of the refusal, but can still exchange a valid
credential. So nobody can lock out a key by its public id, or others who share the address.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django_ratelimit.core import get_usage

from token_exchange.conf import get_settings
from token_exchange.views.repeated_events import log_repeated_event
from token_exchange_core.errors import SlowDown, TemporarilyUnavailable
from token_exchange_core.event_log import log_event
from token_exchange_core.networks import parse_address, site_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The state of a rate limit (draft-ietf-httpapi-ratelimit-headers-10)."""

    name: str
    """The key of the limit in the setting ``RATE_LIMITS``."""
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    """Seconds until the window ends, at least 1."""

    @property
    def headers(self) -> dict[str, str]:
        """The header fields RateLimit and RateLimit-Policy, as Structured Fields (RFC 9651)."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.quota};w={self.window_seconds}',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset_seconds}',
        }


class RateExceeded(SlowDown):
    """Refuse a request over its rate, and tell the client when to try again."""

    def __init__(self, usage: Usage, *, counter: str = "") -> None:
        super().__init__(reason=f"rate_{usage.name}")
        self.usage = usage
        self.counter = counter
        """The counter that is over its limit, by which its refusals are logged."""
        self.retry_after_seconds = usage.reset_seconds

    @property
    def headers(self) -> dict[str, str]:
        """Add the fields that describe the limit."""
        return {**super().headers, **self.usage.headers}


def count_success(request: Any, *, name: str, identifier: str) -> Usage | None:
    """Count a request of the credential.

    Returns ``None`` if the limit is off or the cache is unavailable.
    Raises ``RateExceeded``, or ``TemporarilyUnavailable`` if the cache is unavailable and
    ``RATE_LIMIT_FAIL_OPEN`` is off.
    """
    return _count(request, name=name, key=f"credential:{identifier}")


def count_failure(request: Any, *, address: str) -> None:
    """Count a refusal for the address; raises the same errors as ``count_success``."""
    _count_address(request, name="failure", address=address)


def count_report(request: Any, *, address: str) -> Usage | None:
    """Count a leak report for the address; returns and raises as ``count_success``."""
    return _count_address(request, name="leak_report", address=address)


def _count_address(request: Any, *, name: str, address: str) -> Usage | None:
    if parse_address(address) is None and name in get_settings().rate_limits:
        # Behind a unix socket, for example, no client has an address, and all share one limit.
        log_repeated_event(
            logging.ERROR,
            "rate_limit.address_unknown",
            subject=name,
            now=time.time(),
            limit=name,
            address=address,
        )
    return _count(request, name=name, key=f"address:{site_of(address)}")


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
    except Exception as error:  # noqa: BLE001 - each cache backend has its own errors
        _cache_unavailable(type(error).__name__)
        return None
    if usage is None and not getattr(django_settings, "RATELIMIT_ENABLE", True):
        return None
    # The library could not count: None with RATELIMIT_FAIL_OPEN, otherwise a limit of 0.
    if usage is None or not usage["limit"]:
        _cache_unavailable("no count")
        return None
    counted = Usage(
        name=name,
        quota=rate.quota,
        window_seconds=rate.window_seconds,
        remaining=max(0, rate.quota - usage["count"]),
        # In the last second of a window, the library returns 0 seconds left.
        reset_seconds=max(1, usage["time_left"] + 1),
    )
    if usage["should_limit"]:
        raise RateExceeded(counted, counter=f"{name}:{key}")
    return counted


def _cache_unavailable(cause: str) -> None:
    fail_open = get_settings().rate_limit_fail_open
    log_event(logging.ERROR, "rate_limit.cache_away", cause=cause, fail_open=fail_open)
    if not fail_open:
        raise TemporarilyUnavailable(reason="cache_away")
