"""Parsers of single settings.

Each takes the value as it is written in the project's settings and returns it as it is used, or
raises ``ValueError`` with a text that continues "TOKEN_EXCHANGE['KEY'] …".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from token_exchange_core.keys import ALGORITHMS
from token_exchange_core.scopes import RESERVED_PREFIX, is_scope_token
from token_exchange_core.secret_strings import PREFIX_PATTERN

ISSUER: Final = "issuer"
RESOURCE_SERVER: Final = "resource-server"

RATE_NAMES: Final = ("token", "auth_token", "failure", "leak_report", "self_service")
_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})?([smhd])")
_RATE_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?"
)
_DEFAULT_PORT: Final = re.compile(r"http://.+:80|https://.+:443")

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
LONGEST_DURATION: Final = timedelta(days=36_525)
"""A century: longer than any real duration, and short enough to add to any date."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests in each window of time."""

    quota: int
    window_seconds: int


def parse_rate(text: str) -> Rate:
    """Parse ``<quota>/<n><unit>`` with the units s, m, h, d; raises ``ValueError``."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a rate such as '60/m' or '5/10s'")
    quota, multiple, unit = match.groups()
    return Rate(int(quota), int(multiple or 1) * _RATE_UNITS[unit])


def boolean(value: Any) -> bool:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def url(value: Any) -> str:
    """Accept an absolute URL without query and fragment (RFC 8414, section 2)."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a URL, for instance 'https://api.example.com'")
    if not value.isprintable() or " " in value:
        raise ValueError("must be a URL, which has neither spaces nor control characters")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        raise ValueError("must be an absolute URL that starts with https:// (or http://)")
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise ValueError("must have neither query nor fragment (RFC 8414, section 2)")
    return value


def text(value: Any) -> str:
    """Accept a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a string that is not empty")
    return value


def algorithm(value: Any) -> str:
    """Accept one of our signature algorithms."""
    if not isinstance(value, str) or value not in ALGORITHMS:
        raise ValueError(f"must be one of {', '.join(sorted(ALGORITHMS))}")
    return value


def prefix(value: Any) -> str:
    """Accept the part of a secret's prefix before or after the underscore."""
    if not isinstance(value, str) or PREFIX_PATTERN.fullmatch(f"{value}_x") is None:
        raise ValueError("must be 1 to 16 of a-z and 0-9, a letter first")
    return value


def duration(
    *, minimum: timedelta = timedelta(0), maximum: timedelta = LONGEST_DURATION
) -> Callable[[Any], timedelta]:
    """Accept whole seconds, as a number or a timedelta, within the bounds."""

    def parse(value: Any) -> timedelta:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**10:
            value = timedelta(seconds=value)
        if not isinstance(value, timedelta):
            raise ValueError("must be a number of seconds or a timedelta")
        if not minimum <= value <= maximum or value.microseconds:
            raise ValueError(f"must be whole seconds, at least {minimum} and at most {maximum}")
        return value

    return parse


def optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Accept None and what ``parse`` accepts."""
    return lambda value: None if value is None else parse(value)


def num_proxies(value: Any) -> int:
    """Accept a number of proxies."""
    if type(value) is not int or value < 1:
        raise ValueError("must be None or the number of trusted proxies, at least 1")
    return value


def cache_size(value: Any) -> int:
    """Accept the number of entries of a cache."""
    if type(value) is not int or value < 0:
        raise ValueError("must be a whole number, at least 0")
    return value


def scopes(value: Any) -> Mapping[str, str]:
    """Accept a dictionary of scopes and their labels."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a dictionary of scopes and labels")
    for scope, label in value.items():
        if not isinstance(scope, str) or not is_scope_token(scope):
            raise ValueError(f"{scope!r} is not a scope (RFC 6749, section 3.3)")
        if scope.startswith(RESERVED_PREFIX):
            raise ValueError(f"must not name {scope!r}: {RESERVED_PREFIX}… is reserved")
        if not isinstance(label, str):
            raise ValueError(f"the label of {scope!r} must be a string")
    return dict(value)


def rate_limits(value: Any) -> Mapping[str, Rate]:
    """Accept rates by name; None turns all of them off."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("must be None or a dictionary of rates")
    if unknown := set(value) - set(RATE_NAMES):
        raise ValueError(
            f"has unknown names: {', '.join(sorted(map(repr, unknown)))}; "
            f"valid names are {', '.join(RATE_NAMES)}"
        )
    rates = {**DEFAULT_RATE_LIMITS, **value}
    if not all(rate is None or isinstance(rate, str) for rate in rates.values()):
        raise ValueError("must have None or a string such as '60/m' for each rate")
    return {name: parse_rate(rate) for name, rate in rates.items() if rate is not None}


def _secrets(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError("must be None or a list of strings, the newest first")
    if not all(isinstance(each, str) and len(each) >= 32 for each in value):  # noqa: PLR2004
        raise ValueError("must hold strings of at least 32 characters")
    return tuple(value)


def _api_key(value: Any) -> str:
    if not isinstance(value, str) or re.fullmatch(r"[!-~]+", value) is None:
        raise ValueError("must be an API key, without spaces")
    return value


def durations(value: Any) -> tuple[timedelta, ...]:
    """Accept a list of durations, at least a minute each."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list of numbers of seconds or timedeltas")
    return tuple(sorted(map(duration(minimum=timedelta(minutes=1)), value)))


def origins(value: Any) -> frozenset[str]:
    """Accept a list of origins, as browsers write them in Origin (RFC 6454, section 6.1)."""
    if not isinstance(value, (list, tuple)):
        raise ValueError("must be a list of origins")
    for each in value:
        if not isinstance(each, str) or _ORIGIN.fullmatch(each) is None:
            raise ValueError(f"{each!r} is not an origin such as 'https://app.example.com'")
        if _DEFAULT_PORT.fullmatch(each):
            raise ValueError(f"{each!r} has the default port, which browsers leave out")
    return frozenset(value)


def mode(value: Any) -> str:
    """Accept one of the two modes."""
    if not isinstance(value, str) or value not in {ISSUER, RESOURCE_SERVER}:
        raise ValueError(f"must be {ISSUER!r} or {RESOURCE_SERVER!r}")
    return value


def manager_name(value: Any) -> str:
    """Accept the name of an attribute."""
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError("must be the name of a manager, such as 'objects'")
    return value


def dotted_path(value: Any) -> str:
    """Accept the dotted path of a callable."""
    if not isinstance(value, str) or "." not in value:
        raise ValueError("must be the dotted path of a callable")
    return value


token_lifetime: Final = duration(minimum=_SECOND, maximum=_DAY)
any_duration: Final = duration()
day_at_most: Final = duration(maximum=_DAY)
optional_duration: Final = optional(duration(minimum=_SECOND))
timeout: Final = duration(minimum=_SECOND, maximum=20 * _SECOND)
optional_secrets: Final = optional(_secrets)
optional_api_key: Final = optional(_api_key)

DEFAULT_RATE_LIMITS: Final[Mapping[str, str | None]] = {
    "token": "60/m",
    "auth_token": "60/m",
    "failure": "30/m",
    "leak_report": "30/m",
    "self_service": "60/m",
}
