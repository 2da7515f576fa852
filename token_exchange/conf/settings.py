"""Which settings are there, and what does each mean?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from django.conf import settings as django_settings

from token_exchange.conf import parsers
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


def _setting(check_id: str, default: Any, read: Callable[[Any], Any], help_text: str) -> Any:
    """Declare a setting: its check's stable id, default as one would write it, reader, meaning."""
    metadata = {"check_id": check_id, "default": default, "read": read, "help": help_text}
    return field(metadata=metadata, repr=read not in parsers.SECRET)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, read and checked; each has the name of its key in lower case."""

    issuer: str = _setting(
        "E002",
        "",
        parsers.url,
        "The claim `iss`: the URL at which clients know this service.",
    )
    audience: str = _setting(
        "E003",
        None,
        parsers.optional(parsers.text),
        "The claim `aud` where the credential names none, and what verification expects. "
        "Default: the issuer.",
    )
    algorithm: str = _setting(
        "E004",
        "RS256",
        parsers.algorithm,
        "The algorithm of new signing keys: RS256, ES256 or EdDSA.",
    )
    api_key_token_lifetime: timedelta = _setting(
        "E005",
        1800,
        parsers.token_lifetime,
        "Seconds that an access token lives which an API key was exchanged for.",
    )
    client_app_token_lifetime: timedelta = _setting(
        "E006",
        28_800,
        parsers.token_lifetime,
        "Seconds that the auth token of a client app lives.",
    )
    max_token_lifetime: timedelta = _setting(
        "E007",
        86_400,
        parsers.token_lifetime,
        "The ceiling of all token lifetimes, in seconds; 24 hours at most.",
    )
    scopes: Mapping[str, str] = _setting(
        "E008",
        {},
        parsers.scopes,
        "The scopes that credentials may have, each with its label. Empty: any well-formed scope.",
    )
    api_key_prefix: str = _setting(
        "E009",
        "sk",
        parsers.prefix,
        "Starts every API key.",
    )
    client_id_prefix: str = _setting(
        "E010",
        "ci",
        parsers.prefix,
        "Starts every client id.",
    )
    client_secret_prefix: str = _setting(
        "E011",
        "cs",
        parsers.prefix,
        "Starts every client secret.",
    )
    environment: str = _setting(
        "E012",
        "live",
        parsers.prefix,
        "Follows the prefix, as in `sk_live`; credentials of another environment are refused.",
    )
    default_overlap: timedelta = _setting(
        "E013",
        86_400,
        parsers.any_duration,
        "Seconds that the previous secret lives after a rotation, unless told otherwise.",
    )
    max_overlap: timedelta = _setting(
        "E014",
        30 * 86_400,
        parsers.any_duration,
        "The longest overlap that a rotation may ask for.",
    )
    max_key_lifetime: timedelta | None = _setting(
        "E015",
        None,
        parsers.optional_duration,
        "The longest life of a new credential, in seconds; None: credentials need not expire.",
    )
    organization_lookup_field: str = _setting(
        "E016",
        "slug",
        parsers.text,
        "The field by which commands find an organization.",
    )
    require_https: bool | None = _setting(
        "E017",
        None,
        parsers.optional(parsers.boolean),
        "Refuse credentials and tokens that come over plain http. Default: not `DEBUG`.",
    )
    rate_limits: Mapping[str, Rate] = _setting(
        "E018",
        DEFAULT_RATE_LIMITS,
        parsers.rate_limits,
        "Requests per credential at each exchange (`token`, `auth_token`) and refused requests per "
        "address (`failure`), reports of leaks per address (`leak_report`), and what users do to "
        "their own keys, per user (`self_service`), as '60/m'. A rate of None is off; None for all "
        "turns all off.",
    )
    rate_limit_fail_open: bool = _setting(
        "E019",
        True,  # noqa: FBT003 - a default is a value
        parsers.boolean,
        "When the cache is away: True lets requests through and logs it, False answers 503.",
    )
    num_proxies: int | None = _setting(
        "E020",
        None,
        parsers.optional(parsers.num_proxies),
        "How many trusted proxies append to X-Forwarded-For. None: use REMOTE_ADDR.",
    )
    signing_key_encryption_keys: tuple[str, ...] | None = _setting(
        "E021",
        None,
        parsers.optional_secrets,
        "Secrets that encrypt the signing keys at rest, the newest first. "
        "Default: `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.",
    )
    jwks_max_age: timedelta = _setting(
        "E022",
        300,
        parsers.day_at_most,
        "Seconds that verifiers may keep the published keys; a new key signs no earlier.",
    )
    token_retention: timedelta = _setting(
        "E023",
        86_400,
        parsers.any_duration,
        "Seconds past its expiry that a token's row is kept before it is purged.",
    )
    verifier: str = _setting(
        "E024",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that verifies bearer tokens. Default: ours for this `MODE`.",
    )
    revocation_max_age: timedelta = _setting(
        "E025",
        1,
        parsers.day_at_most,
        "Seconds that a process may rely on what it knows of revocations; 0: ask each time.",
    )
    revocation_max_staleness: timedelta = _setting(
        "E026",
        None,
        parsers.optional(parsers.day_at_most),
        "Seconds that verification goes on with the last known keys and revocations while their "
        "source is away; then 503. Default: 0, in a resource server 60.",
    )
    verified_token_cache_size: int = _setting(
        "E027",
        DEFAULT_CACHE_SIZE,
        parsers.cache_size,
        "Verified tokens that a process remembers, so that it checks each signature once; 0: none.",
    )
    mode: str = _setting(
        "E028",
        parsers.ISSUER,
        parsers.mode,
        "What this service is: `issuer`, or `resource-server`, which has none of our tables and "
        "verifies the tokens of the service in `ISSUER` by what that one publishes.",
    )
    jwks_url: str | None = _setting(
        "E029",
        None,
        parsers.optional(parsers.url),
        "Where a resource server finds the issuer's keys. "
        "Default: `/.well-known/jwks.json` below the issuer.",
    )
    revocations_url: str | None = _setting(
        "E036",
        None,
        parsers.optional(parsers.url),
        "Where a resource server finds what is revoked. Default: `/v1/revocations` below the "
        "issuer.",
    )
    revocations_api_key: str | None = _setting(
        "E037",
        None,
        parsers.optional_api_key,
        "The API key that a resource server asks with, of the scope `token_exchange:revocations`; "
        "it must have one.",
    )
    remote_timeout: timedelta = _setting(
        "E038",
        2,
        parsers.timeout,
        "Seconds that a request to a resource server waits for the issuer, at most.",
    )
    signing_key_lifetime: timedelta | None = _setting(
        "E045",
        90 * 86_400,
        parsers.optional(parsers.duration(minimum=timedelta(days=1))),
        "Seconds that a key signs before the task `rotate_signing_keys` brings in the next, a day "
        "at least. None: only you rotate.",
    )
    audit_retention: timedelta | None = _setting(
        "E046",
        None,
        parsers.optional_duration,
        "Seconds that an audit event is kept before it is purged. None: for ever.",
    )
    expiry_warnings: tuple[timedelta, ...] = _setting(
        "E047",
        (2_592_000, 604_800, 86_400),
        parsers.durations,
        "Seconds before the expiry of a credential at which the task "
        "`warn_of_expiring_credentials` warns, once each. From the first of them on it is shown as "
        "expiring.",
    )
    warning_recipients: str | None = _setting(
        "E048",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a credential and returns the e-mail addresses that are warned of "
        "its end, and told when it is reported as leaked. None: no e-mail is sent.",
    )
    self_service_entitlement: str | None = _setting(
        "E049",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a signed-in user and returns what API keys the user may make for "
        "himself, or None. None: a session may make none.",
    )
    operator_organizations: str | None = _setting(
        "E050",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that gets a user of the admin and returns the primary keys of the "
        "organizations that he is limited to, or None for all. None: nobody is limited.",
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
