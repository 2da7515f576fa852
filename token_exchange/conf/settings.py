"""The settings: name, default, parser and meaning of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings as django_settings

from token_exchange.conf import parsers
from token_exchange.conf.credential_settings import CredentialSettings
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
class Settings(CredentialSettings):
    """All settings, parsed and checked; each has the name of its key, in lower case."""

    organization_lookup_field: str = setting(
        "E016", "slug", parsers.text, "The field by which commands find an organization."
    )
    require_https: bool | None = setting(
        "E017",
        None,
        parsers.optional(parsers.boolean),
        "Refuse credentials and tokens sent over plain HTTP, and, in a resource server, an issuer "
        "without HTTPS on another machine. Default: not `DEBUG`.",
    )
    rate_limits: Mapping[str, Rate] = setting(
        "E018",
        DEFAULT_RATE_LIMITS,
        parsers.rate_limits,
        "Requests per credential at each exchange (`token`, `auth_token`), refused requests per "
        "address (`failure`), leak reports per address (`leak_report`), and requests per user to "
        "manage their own keys (`self_service`), such as '60/m'. A rate of None is off. None for "
        "the setting turns all of them off.",
    )
    rate_limit_fail_open: bool = setting(
        "E019",
        True,  # noqa: FBT003 - a default is a value
        parsers.boolean,
        "While the cache is unavailable: True lets requests through and logs it, False answers "
        "503.",
    )
    num_proxies: int | None = setting(
        "E020",
        None,
        parsers.optional(parsers.num_proxies),
        "Number of trusted proxies that append to X-Forwarded-For. None: use REMOTE_ADDR.",
    )
    signing_key_encryption_keys: tuple[str, ...] | None = setting(
        "E021",
        None,
        parsers.optional_secrets,
        "Secrets that encrypt the stored signing keys, newest first. Default: `SECRET_KEY` and "
        "`SECRET_KEY_FALLBACKS`.",
        secret=True,
    )
    jwks_max_age: timedelta = setting(
        "E022",
        300,
        parsers.day_at_most,
        "Seconds that verifiers can cache the published keys. A new key signs only after this "
        "time.",
    )
    token_retention: timedelta = setting(
        "E023",
        86_400,
        parsers.any_duration,
        "Seconds that the row of an expired token is kept before it is purged.",
    )
    verifier: str = setting(
        "E024",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that verifies bearer tokens. Default: the one for this `MODE`.",
    )
    revocation_max_age: timedelta = setting(
        "E025",
        1,
        parsers.day_at_most,
        "Seconds that a process can use its copy of the revocations before it asks again. 0: ask "
        "each time.",
    )
    revocation_max_staleness: timedelta = setting(
        "E026",
        None,
        parsers.optional(parsers.day_at_most),
        "Seconds that verification continues with the last known keys and revocations while their"
        " source is unavailable; then it answers 503. Default: 0, in a resource server 60.",
    )
    verified_token_cache_size: int = setting(
        "E027",
        DEFAULT_CACHE_SIZE,
        parsers.cache_size,
        "Verified tokens that a process remembers, so that it checks each signature only once. 0:"
        " none.",
    )
    mode: str = setting(
        "E028",
        parsers.ISSUER,
        parsers.mode,
        "What this service is: `issuer`, or `resource-server`, which has none of this app's "
        "tables and verifies the tokens of the service in `ISSUER`.",
    )
    jwks_url: str | None = setting(
        "E029",
        None,
        parsers.optional(parsers.url),
        "Where a resource server fetches the issuer's keys. Default: `/.well-known/jwks.json` "
        "under the issuer.",
    )
    revocations_url: str | None = setting(
        "E036",
        None,
        parsers.optional(parsers.url),
        "Where a resource server fetches the revocations. Default: `/v1/revocations` under the "
        "issuer.",
    )
    revocations_api_key: str | None = setting(
        "E037",
        None,
        parsers.optional_api_key,
        "The API key with which a resource server fetches the revocations; required there. It "
        "needs the scope `token_exchange:revocations`.",
        secret=True,
    )
    remote_timeout: timedelta = setting(
        "E038",
        2,
        parsers.timeout,
        "Longest time that a request to a resource server waits for the issuer, in seconds.",
    )
    signing_key_lifetime: timedelta | None = setting(
        "E045",
        90 * 86_400,
        parsers.optional(parsers.duration(minimum=timedelta(days=1))),
        "Seconds after which the task `rotate_signing_keys` replaces the current key, at least a "
        "day. None: only you rotate.",
    )
    audit_retention: timedelta | None = setting(
        "E046",
        None,
        parsers.optional_duration,
        "Seconds that an audit event is kept before it is purged. None: forever.",
    )
    expiry_warnings: tuple[timedelta, ...] = setting(
        "E047",
        (2_592_000, 604_800, 86_400),
        parsers.durations,
        "Seconds before a credential expires at which the task `warn_of_expiring_credentials` "
        "warns, once each. From the earliest of these times on, the credential is shown as "
        "expiring.",
    )
    warning_recipients: str | None = setting(
        "E048",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that takes a credential and returns the e-mail addresses to warn before it "
        "expires, and to notify if it is reported as leaked. None: no e-mail is sent.",
    )
    self_service_entitlement: str | None = setting(
        "E049",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that takes a signed-in user and returns what API keys they can create, as a "
        "`SelfServiceEntitlement`, or None. None: users signed in by session cannot create keys.",
    )
    operator_organizations: str | None = setting(
        "E050",
        None,
        parsers.optional(parsers.dotted_path),
        "The callable that takes a user of the admin and returns the primary keys of the "
        "organizations they are limited to, or None for all. None: nobody is limited.",
    )
    schema_name: str | None = setting(
        "E051",
        None,
        parsers.optional(parsers.dotted_path),
        "The function without arguments that returns the name of the current database schema, for "
        "projects that switch schemas within a process. None: the connection's `schema_name`, "
        "which django-tenants sets.",
    )
    use_environment_proxy: bool = setting(
        "E052",
        False,  # noqa: FBT003 - a default is a value
        parsers.boolean,
        "Whether a resource server reaches the issuer through the proxy in `HTTPS_PROXY`, "
        "`HTTP_PROXY` or `ALL_PROXY`. False: these variables are ignored.",
    )
    allowed_origins: frozenset[str] = setting(
        "E053",
        (),
        parsers.origins,
        "Origins of web pages that can send API keys and client secrets, such as "
        "'https://docs.example.com'. From any other web page, they are refused.",
    )
    user_manager: str | None = setting(
        "E054",
        None,
        parsers.optional(parsers.manager_name),
        "The manager of the user model that shows the users who count, such as 'objects'. A user "
        "whom it hides is refused. None: the default manager.",
    )
    organization_manager: str | None = setting(
        "E055",
        None,
        parsers.optional(parsers.manager_name),
        "The manager of the organization model that shows the organizations that count. The "
        "credentials and tokens of one that it hides are refused. None: the default manager.",
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
