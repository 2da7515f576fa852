"""The settings: name, default, parser and meaning of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

from django.conf import settings as django_settings

from token_exchange.conf import parsers
from token_exchange.conf.declaration import setting
from token_exchange.conf.parsers import DEFAULT_RATE_LIMITS, Rate
from token_exchange_core.verification import DEFAULT_CACHE_SIZE

_VERIFIERS: Final = {
    parsers.ISSUER: "token_exchange.issuer.tokens.verify_access_token",
    parsers.RESOURCE_SERVER: "token_exchange.resource_server.verifier.verify_access_token",
}
_MAX_STALENESS: Final = {
    parsers.ISSUER: timedelta(0),
    parsers.RESOURCE_SERVER: timedelta(minutes=1),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, parsed and checked; each has the name of its key, in lower case."""

    issuer: str = setting(
        "E002", "", parsers.url, "The claim `iss`: the URL of this service, as clients know it."
    )
    audience: str = setting(
        "E003",
        None,
        parsers.optional(parsers.text),
        "The claim `aud` if the credential has none, and what verification expects. "
        "Default: the issuer.",
    )
    algorithm: str = setting(
        "E004",
        "RS256",
        parsers.algorithm,
        "The algorithm of new signing keys: RS256, ES256 or EdDSA.",
    )
    api_key_token_lifetime: timedelta = setting(
        "E005",
        1800,
        parsers.token_lifetime,
        "Lifetime of access tokens that API keys are exchanged for, in seconds.",
    )
    client_app_token_lifetime: timedelta = setting(
        "E006",
        28_800,
        parsers.token_lifetime,
        "Lifetime of auth tokens of client apps, in seconds.",
    )
    max_token_lifetime: timedelta = setting(
        "E007",
        86_400,
        parsers.token_lifetime,
        "The longest lifetime of any token, in seconds; 24 hours at most.",
    )
    scopes: Mapping[str, str] = setting(
        "E008",
        {},
        parsers.scopes,
        "The scopes that credentials may have, each with its label. Empty: any valid scope.",
    )
    api_key_prefix: str = setting("E009", "sk", parsers.prefix, "The beginning of every API key.")
    client_id_prefix: str = setting(
        "E010", "ci", parsers.prefix, "The beginning of every client id."
    )
    client_secret_prefix: str = setting(
        "E011", "cs", parsers.prefix, "The beginning of every client secret."
    )
    environment: str = setting(
        "E012",
        "live",
        parsers.prefix,
        "Follows the prefix, as in `sk_live`; credentials of another environment are refused.",
    )
    default_overlap: timedelta = setting(
        "E013",
        86_400,
        parsers.any_duration,
        "How long the previous secret works after a rotation by default, in seconds.",
    )
    max_overlap: timedelta = setting(
        "E014",
        30 * 86_400,
        parsers.any_duration,
        "The longest overlap that a rotation may have, in seconds.",
    )
    max_key_lifetime: timedelta | None = setting(
        "E015",
        None,
        parsers.optional_duration,
        "The longest lifetime of a new credential, in seconds; None: credentials need not expire.",
    )
    organization_lookup_field: str = setting(
        "E016", "slug", parsers.text, "The field by which commands look up an organization."
    )
    require_https: bool | None = setting(
        "E017",
        None,
        parsers.optional(parsers.boolean),
        "Refuse credentials and tokens sent over plain HTTP. Default: not `DEBUG`.",
    )
    rate_limits: Mapping[str, Rate] = setting(
        "E018",
        DEFAULT_RATE_LIMITS,
        parsers.rate_limits,
        "Limits such as '60/m': exchanges per credential (`token`, `auth_token`), refused requests "
        "per address (`failure`), leak reports per address (`leak_report`), and changes of their "
        "own keys per user (`self_service`). None turns off one limit, or all of them.",
    )
    rate_limit_fail_open: bool = setting(
        "E019",
        True,  # noqa: FBT003 - a default is a value
        parsers.boolean,
        "If the cache is unavailable: True allows requests and logs it, False answers 503.",
    )
    num_proxies: int | None = setting(
        "E020",
        None,
        parsers.optional(parsers.num_proxies),
        "How many trusted proxies append to X-Forwarded-For. None: use REMOTE_ADDR.",
    )
    signing_key_encryption_keys: tuple[str, ...] | None = setting(
        "E021",
        None,
        parsers.optional_secrets,
        "Secrets that encrypt the stored signing keys, the newest first. "
        "Default: `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.",
        secret=True,
    )
    jwks_max_age: timedelta = setting(
        "E022",
        300,
        parsers.day_at_most,
        "How long verifiers may cache the published keys, in seconds; a new key waits that long "
        "before it signs.",
    )
    token_retention: timedelta = setting(
        "E023",
        86_400,
        parsers.any_duration,
        "How long the row of an expired token is kept before it is purged, in seconds.",
    )
    verifier: str = setting(
        "E024",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that verifies bearer tokens. Default: the verifier for this `MODE`.",
    )
    revocation_max_age: timedelta = setting(
        "E025",
        1,
        parsers.day_at_most,
        "How old a process's copy of the revocations may be, in seconds; 0: read them each time.",
    )
    revocation_max_staleness: timedelta = setting(
        "E026",
        None,
        parsers.optional(parsers.day_at_most),
        "How long verification uses the last known keys and revocations while their source is "
        "unavailable, in seconds; then it answers 503. Default: 0, or 60 in a resource server.",
    )
    verified_token_cache_size: int = setting(
        "E027",
        DEFAULT_CACHE_SIZE,
        parsers.cache_size,
        "How many verified tokens a process remembers, to check each signature once; 0: none.",
    )
    mode: str = setting(
        "E028",
        parsers.ISSUER,
        parsers.mode,
        "`issuer`, or `resource-server` for a service without our tables, which verifies tokens of "
        "`ISSUER` with the keys and revocations that are published there.",
    )
    jwks_url: str | None = setting(
        "E029",
        None,
        parsers.optional(parsers.url),
        "The URL from which a resource server fetches the issuer's keys. "
        "Default: `/.well-known/jwks.json` below the issuer.",
    )
    revocations_url: str | None = setting(
        "E036",
        None,
        parsers.optional(parsers.url),
        "The URL from which a resource server fetches revocations. "
        "Default: `/v1/revocations` below the issuer.",
    )
    revocations_api_key: str | None = setting(
        "E037",
        None,
        parsers.optional_api_key,
        "The API key with which a resource server fetches revocations; required there. It needs "
        "the scope `token_exchange:revocations`.",
        secret=True,
    )
    remote_timeout: timedelta = setting(
        "E038",
        2,
        parsers.timeout,
        "How long a request to a resource server waits for the issuer at most, in seconds.",
    )
    signing_key_lifetime: timedelta | None = setting(
        "E045",
        90 * 86_400,
        parsers.optional(parsers.duration(minimum=timedelta(days=1))),
        "How long a key signs before the task `rotate_signing_keys` publishes the next, in "
        "seconds; a day at least. None: only you rotate.",
    )
    audit_retention: timedelta | None = setting(
        "E046",
        None,
        parsers.optional_duration,
        "How long an audit event is kept before it is purged, in seconds. None: forever.",
    )
    expiry_warnings: tuple[timedelta, ...] = setting(
        "E047",
        (2_592_000, 604_800, 86_400),
        parsers.durations,
        "When the task `warn_of_expiring_credentials` warns, in seconds before a credential "
        "expires; once each. From the first warning on, the credential is shown as expiring.",
    )
    warning_recipients: str | None = setting(
        "E048",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a credential and returns the e-mail addresses to warn before it "
        "expires and when it is reported as leaked. None: no e-mail is sent.",
    )
    self_service_grant: str | None = setting(
        "E049",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a signed-in user and returns which API keys they may create, or "
        "None. None: users signed in by session cannot create keys.",
    )
    operator_organizations: str | None = setting(
        "E050",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a user of the admin and returns the primary keys of the "
        "organizations that they are limited to, or None for all. None: no one is limited.",
    )

    def __post_init__(self) -> None:
        derived = {
            "audience": self.issuer,
            "require_https": not django_settings.DEBUG,
            "verifier": _VERIFIERS[self.mode],
            "revocation_max_staleness": _MAX_STALENESS[self.mode],
        }
        for name, value in derived.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

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
