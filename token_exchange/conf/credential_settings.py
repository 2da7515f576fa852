"""The settings of tokens, and of the form and life of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from token_exchange.conf import parsers
from token_exchange.conf.declaration import setting


@dataclass(frozen=True, kw_only=True)
class CredentialSettings:
    """The first part of ``Settings``."""

    issuer: str = setting(
        "E002", "", parsers.url, "The claim `iss`: the URL at which clients reach this service."
    )
    audience: str = setting(
        "E003",
        None,
        parsers.optional(parsers.text),
        "The claim `aud` for credentials without an audience of their own, and the audience that "
        "verification expects. Default: the issuer.",
    )
    algorithm: str = setting(
        "E004",
        "ES256",
        parsers.algorithm,
        "The algorithm of new signing keys: ES256, RS256 (RSA of 3072 bits) or EdDSA.",
    )
    api_key_token_lifetime: timedelta = setting(
        "E005", 1800, parsers.token_lifetime, "Lifetime of access tokens for API keys, in seconds."
    )
    client_app_token_lifetime: timedelta = setting(
        "E006",
        28_800,
        parsers.token_lifetime,
        "Lifetime of auth tokens for client apps, in seconds.",
    )
    max_token_lifetime: timedelta = setting(
        "E007",
        86_400,
        parsers.token_lifetime,
        "Longest lifetime of any token, in seconds, up to 24 hours.",
    )
    scopes: Mapping[str, str] = setting(
        "E008",
        {},
        parsers.scopes,
        "The scopes that credentials can have, each with its label. Empty: any well-formed scope.",
    )
    api_key_prefix: str = setting("E009", "sk", parsers.prefix, "Prefix of API keys.")
    client_id_prefix: str = setting("E010", "ci", parsers.prefix, "Prefix of client IDs.")
    client_secret_prefix: str = setting("E011", "cs", parsers.prefix, "Prefix of client secrets.")
    environment: str = setting(
        "E012",
        "live",
        parsers.prefix,
        "Follows each prefix, as in `sk_live`. Credentials of another environment are refused.",
    )
    default_overlap: timedelta = setting(
        "E013",
        86_400,
        parsers.any_duration,
        "Seconds that the previous secret keeps working after a rotation, by default.",
    )
    max_overlap: timedelta = setting(
        "E014", 30 * 86_400, parsers.any_duration, "Longest overlap of a rotation, in seconds."
    )
    max_key_lifetime: timedelta | None = setting(
        "E015",
        None,
        parsers.optional_duration,
        "Longest lifetime of a new credential, in seconds. None: credentials need not expire.",
    )

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
