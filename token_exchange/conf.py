"""What has the project decided?

One dictionary, ``TOKEN_EXCHANGE``, becomes one frozen ``Settings``. It is read when used,
kept until a setting changes, and never captured at import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from token_exchange.core.keys import ALGORITHMS
from token_exchange.core.scopes import is_scope_token
from token_exchange.core.secret_strings import PREFIX_PATTERN

if TYPE_CHECKING:
    from token_exchange.core.verification import VerifiedToken

RATE_NAMES: Final = ("token", "auth_token", "failure")
_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})?([smhd])")
_RATE_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


class Verifier(Protocol):
    """Tell who a bearer token is; the type of the setting ``VERIFIER``."""

    def __call__(self, token: str, *, now: float) -> VerifiedToken:
        """Return what a good token says; raise ``core.errors.InvalidToken`` for any other."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in each window of so many seconds."""

    quota: int
    window_seconds: int


def parse_rate(text: str) -> Rate:
    """Read ``<quota>/<n><unit>`` with the units s, m, h, d; raises ``ValueError``."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a rate such as '60/m' or '5/10s'")
    quota, multiple, unit = match.groups()
    return Rate(int(quota), int(multiple or 1) * _RATE_UNITS[unit])


# Readers: what was written in the dictionary → the value, or ValueError with what is wrong.


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a URL, for instance 'https://api.example.com'")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an absolute URL that starts with https:// (or http://)")
    if parts.query or parts.fragment or "?" in value or "#" in value:
        raise ValueError("must have neither query nor fragment (RFC 8414, section 2)")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a string that is not empty")
    return value


def _algorithm(value: Any) -> str:
    if value not in ALGORITHMS:
        raise ValueError(f"must be one of {', '.join(sorted(ALGORITHMS))}")
    return str(value)


def _prefix(value: Any) -> str:
    if not isinstance(value, str) or PREFIX_PATTERN.fullmatch(f"{value}_x") is None:
        raise ValueError("must be 1 to 16 of a-z and 0-9, a letter first")
    return value


def _duration(
    *, minimum: timedelta = timedelta(0), maximum: timedelta = timedelta.max
) -> Callable[[Any], timedelta]:
    def read(value: Any) -> timedelta:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**10:
            value = timedelta(seconds=value)
        if not isinstance(value, timedelta):
            raise ValueError("must be a number of seconds or a timedelta")
        if not minimum <= value <= maximum or value.microseconds:
            upper = "" if maximum == timedelta.max else f" and at most {maximum}"
            raise ValueError(f"must be whole seconds, at least {minimum}{upper}")
        return value

    return read


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _num_proxies(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("must be None or the number of trusted proxies, at least 1")
    return value


def _scopes(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a dictionary of scopes and labels")
    for scope, label in value.items():
        if not isinstance(scope, str) or not is_scope_token(scope):
            raise ValueError(f"{scope!r} is not a scope (RFC 6749, section 3.3)")
        if not isinstance(label, str):
            raise ValueError(f"the label of {scope!r} must be a string")
    return dict(value)


def _rate_limits(value: Any) -> Mapping[str, Rate]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("must be None or a dictionary of rates")
    if unknown := set(value) - set(RATE_NAMES):
        raise ValueError(
            f"does not know {', '.join(sorted(map(repr, unknown)))}; "
            f"the names are {', '.join(RATE_NAMES)}"
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


def _dotted_path(value: Any) -> str:
    if not isinstance(value, str) or "." not in value:
        raise ValueError("must be the dotted path of a callable")
    return value


_token_lifetime: Final = _duration(minimum=_SECOND, maximum=_DAY)
_any_duration: Final = _duration()
_day_at_most: Final = _duration(maximum=_DAY)
_optional_duration: Final = _optional(_duration(minimum=_SECOND))
_optional_secrets: Final = _optional(_secrets)

DEFAULT_RATE_LIMITS: Final[Mapping[str, str | None]] = {
    "token": "60/m",
    "auth_token": "60/m",
    "failure": "30/m",
}


def _setting(check_id: str, default: Any, read: Callable[[Any], Any], help_text: str) -> Any:
    """Declare a setting: its check's stable id, default as one would write it, reader, meaning."""
    metadata = {"check_id": check_id, "default": default, "read": read, "help": help_text}
    return field(metadata=metadata, repr=read is not _optional_secrets)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked; each has the name of its key in lower case."""

    issuer: str = _setting(
        "E002",
        "",
        _url,
        "The claim `iss`: the URL at which clients know this service.",
    )
    audience: str = _setting(
        "E003",
        None,
        _optional(_text),
        "The claim `aud` where the credential names none, and what verification expects. "
        "Default: the issuer.",
    )
    algorithm: str = _setting(
        "E004", "RS256", _algorithm, "The algorithm of new signing keys: RS256, ES256 or EdDSA."
    )
    api_key_token_lifetime: timedelta = _setting(
        "E005",
        1800,
        _token_lifetime,
        "Seconds that an access token lives which an API key was exchanged for.",
    )
    client_app_token_lifetime: timedelta = _setting(
        "E006",
        28_800,
        _token_lifetime,
        "Seconds that the auth token of a client app lives.",
    )
    max_token_lifetime: timedelta = _setting(
        "E007",
        86_400,
        _token_lifetime,
        "The ceiling of all token lifetimes, in seconds; 24 hours at most.",
    )
    scopes: Mapping[str, str] = _setting(
        "E008",
        {},
        _scopes,
        "The scopes that credentials may have, each with its label. Empty: any well-formed scope.",
    )
    api_key_prefix: str = _setting("E009", "sk", _prefix, "Starts every API key.")
    client_id_prefix: str = _setting("E010", "ci", _prefix, "Starts every client id.")
    client_secret_prefix: str = _setting("E011", "cs", _prefix, "Starts every client secret.")
    environment: str = _setting(
        "E012",
        "live",
        _prefix,
        "Follows the prefix, as in `sk_live`; credentials of another environment are refused.",
    )
    default_overlap: timedelta = _setting(
        "E013",
        86_400,
        _any_duration,
        "Seconds that the previous secret lives after a rotation, unless told otherwise.",
    )
    max_overlap: timedelta = _setting(
        "E014", 30 * 86_400, _any_duration, "The longest overlap that a rotation may ask for."
    )
    max_key_lifetime: timedelta | None = _setting(
        "E015",
        None,
        _optional_duration,
        "The longest life of a new credential, in seconds; None: credentials need not expire.",
    )
    organization_lookup_field: str = _setting(
        "E016", "slug", _text, "The field by which commands find an organization."
    )
    require_https: bool | None = _setting(
        "E017",
        None,
        _optional(_boolean),
        "Refuse credentials and tokens that come over plain http. Default: not `DEBUG`.",
    )
    rate_limits: Mapping[str, Rate] = _setting(
        "E018",
        DEFAULT_RATE_LIMITS,
        _rate_limits,
        "Requests per credential at each exchange (`token`, `auth_token`) and refused requests per "
        "address (`failure`), as '60/m'. A rate of None is off; None for all turns all off.",
    )
    rate_limit_fail_open: bool = _setting(
        "E019",
        True,  # noqa: FBT003 - a default is a value
        _boolean,
        "When the cache is away: True lets requests through and logs it, False answers 503.",
    )
    num_proxies: int | None = _setting(
        "E020",
        None,
        _optional(_num_proxies),
        "How many trusted proxies append to X-Forwarded-For. None: use REMOTE_ADDR.",
    )
    signing_key_encryption_keys: tuple[str, ...] | None = _setting(
        "E021",
        None,
        _optional_secrets,
        "Secrets that encrypt the signing keys at rest, the newest first. "
        "Default: `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.",
    )
    jwks_max_age: timedelta = _setting(
        "E022",
        300,
        _day_at_most,
        "Seconds that verifiers may keep the published keys; a new key signs no earlier.",
    )
    token_retention: timedelta = _setting(
        "E023",
        86_400,
        _any_duration,
        "Seconds past its expiry that a token's row is kept before it is purged.",
    )
    verifier: str = _setting(
        "E024",
        "token_exchange.exchange.verify_access_token",
        _dotted_path,
        "The callable that verifies bearer tokens.",
    )

    def __post_init__(self) -> None:
        if self.audience is None:
            object.__setattr__(self, "audience", self.issuer)
        if self.require_https is None:
            object.__setattr__(self, "require_https", not django_settings.DEBUG)

    @cached_property
    def api_key_string_prefix(self) -> str:
        """The ``<prefix>_<environment>`` of API keys."""
        return f"{self.api_key_prefix}_{self.environment}"

    @cached_property
    def client_id_string_prefix(self) -> str:
        """The ``<prefix>_<environment>`` of client ids."""
        return f"{self.client_id_prefix}_{self.environment}"

    @cached_property
    def client_secret_string_prefix(self) -> str:
        """The ``<prefix>_<environment>`` of client secrets."""
        return f"{self.client_secret_prefix}_{self.environment}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used as it is."""

    check_id: str
    message: str


def read_settings() -> tuple[Settings | None, list[Problem]]:
    """Read ``TOKEN_EXCHANGE``; where there are problems, there are no settings."""
    written = getattr(django_settings, "TOKEN_EXCHANGE", None)
    if not isinstance(written, Mapping):
        return None, [Problem("E001", "TOKEN_EXCHANGE must be a dictionary in your settings.")]
    known = {each.name.upper(): each for each in fields(Settings)}
    problems = [
        Problem("E001", f"TOKEN_EXCHANGE has an unknown key, {key!r}.")
        for key in written
        if key not in known
    ]
    values = {}
    for key, each in known.items():
        try:
            values[each.name] = each.metadata["read"](written.get(key, each.metadata["default"]))
        except ValueError as error:
            problems.append(Problem(each.metadata["check_id"], f"TOKEN_EXCHANGE[{key!r}] {error}."))
    return (None, problems) if problems else (Settings(**values), [])


@cache
def get_settings() -> Settings:
    """Return the settings; raises ``ImproperlyConfigured`` with every problem in them."""
    settings, problems = read_settings()
    if settings is None:
        raise ImproperlyConfigured(" ".join(problem.message for problem in problems))
    return settings


@cache
def get_verifier() -> Verifier:
    """Return the callable that the setting ``VERIFIER`` names.

    This is the one deliberate inversion of the house: a service without our tables names a
    verifier of its own, and nothing below ``models`` imports the issuer's.
    """
    verifier: Verifier = import_string(get_settings().verifier)
    return verifier


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"TOKEN_EXCHANGE", "DEBUG"}:
        get_settings.cache_clear()
        get_verifier.cache_clear()


setting_changed.connect(_forget)
