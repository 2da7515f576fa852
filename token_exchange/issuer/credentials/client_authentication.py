"""Authentication of API keys and client apps by their secrets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from token_exchange.conf import get_settings
from token_exchange.issuer.credentials.last_use import write_last_use
from token_exchange.issuer.credentials.lookup import StoredCredential, find
from token_exchange.issuer.credentials.secret_match import SecretMatch, match_secret
from token_exchange.models import Credential
from token_exchange_core import secret_strings
from token_exchange_core.authorization import BasicCredentials
from token_exchange_core.errors import InvalidClient
from token_exchange_core.networks import is_within
from token_exchange_core.secret_strings import ReceivedSecret


class AuthenticatedCredential(NamedTuple):
    """An authenticated credential, as one query loads it.

    It is ``request.auth`` where a credential is used directly on a view.
    """

    pk: int
    identifier: str
    kind: str
    subject_type: str
    owner_id: Any
    organization_id: Any
    scopes: list[str]
    audience: list[str]
    token_lifetime: timedelta | None
    secret_version: int
    """The version of the secret that was sent, which may be the previous one."""
    generation: int
    expires_at: datetime | None
    organization_default_token_lifetime: timedelta | None
    organization_max_token_lifetime: timedelta | None
    used_previous_secret: bool
    owner: Any = None
    """The user, only where ``load_owner`` asked for them."""
    token: str | None = None
    """The unsigned token that may be re-used, only where ``token_until`` asked for it."""


def parse_api_key(raw_key: str) -> ReceivedSecret:
    """Parse an API key as a client sent it; raises ``InvalidClient``."""
    return secret_strings.parse_secret(raw_key, prefix=get_settings().api_key_string_prefix)


def parse_client_app(basic: BasicCredentials) -> ReceivedSecret:
    """Parse a client id and secret as a client sent them; raises ``InvalidClient``."""
    settings = get_settings()
    identifier = secret_strings.parse_client_id(
        basic.client_id, prefix=settings.client_id_string_prefix
    )
    secret = secret_strings.parse_secret(
        basic.raw_client_secret, prefix=settings.client_secret_string_prefix
    )
    return ReceivedSecret(identifier=identifier, digest=secret.digest)


def authenticate_api_key(
    received: ReceivedSecret,
    *,
    address: str,
    now: datetime,
    browser_origin: str | None = None,
    load_owner: bool = False,
) -> AuthenticatedCredential:
    """Return the API key's credential, by one SELECT, if it may be used from ``address`` now.

    ``browser_origin`` is the origin of the page if a browser sent the key.
    With ``load_owner`` the same SELECT brings the owning user, if there is one. Raises
    ``InvalidClient``, with the same public text whatever is wrong; only its private reason, for
    the log, tells revoked from unknown.
    """
    row = find(kind=Credential.Kind.API_KEY, identifier=received.identifier, load_owner=load_owner)
    return _authenticate(row, received, address=address, browser_origin=browser_origin, now=now)


def authenticate_client_app(
    received: ReceivedSecret,
    *,
    address: str,
    now: datetime,
    browser_origin: str | None = None,
    token_until: datetime | None = None,
) -> AuthenticatedCredential:
    """Return the client app's credential; otherwise as ``authenticate_api_key``.

    With ``token_until`` the same SELECT brings the newest token that may be re-used and expires
    after that time, if there is one.
    """
    row = find(
        kind=Credential.Kind.CLIENT_APP, identifier=received.identifier, token_until=token_until
    )
    return _authenticate(row, received, address=address, browser_origin=browser_origin, now=now)


def _authenticate(
    row: StoredCredential | None,
    received: ReceivedSecret,
    *,
    address: str,
    browser_origin: str | None,
    now: datetime,
) -> AuthenticatedCredential:
    match = match_secret(row, received.digest, now=now)
    if row is None or row.identifier != received.identifier:  # a collation may ignore the case
        raise InvalidClient(reason="unknown")
    reason = _reason_to_refuse(row, match, address=address, browser_origin=browser_origin, now=now)
    if reason is not None:
        raise InvalidClient(reason=reason, identifier=received.identifier)
    is_current = match is SecretMatch.CURRENT
    write_last_use(row, used_previous_secret=not is_current, address=address, now=now)
    return AuthenticatedCredential(
        pk=row.pk,
        identifier=row.identifier,
        kind=row.kind,
        subject_type=row.subject_type,
        owner_id=row.owner_id,
        organization_id=row.organization_id,
        scopes=row.scopes,
        audience=row.audience,
        token_lifetime=row.token_lifetime,
        secret_version=row.secret_version if is_current else row.secret_version - 1,
        generation=row.generation,
        expires_at=row.expires_at,
        organization_default_token_lifetime=row.organization__default_token_lifetime,
        organization_max_token_lifetime=row.organization__max_token_lifetime,
        used_previous_secret=not is_current,
        owner=row.owner,
        token=row.token,
    )


def _reason_to_refuse(
    row: StoredCredential,
    match: SecretMatch | None,
    *,
    address: str,
    browser_origin: str | None,
    now: datetime,
) -> str | None:
    if match is None:
        return "wrong_secret"  # with no more work than for an unknown credential
    is_user = row.subject_type == Credential.SubjectType.USER
    # In the order in which an operator would ask.
    reasons = {
        "previous_secret_expired": match is SecretMatch.PREVIOUS_EXPIRED,
        "credential_revoked": row.revoked_at is not None,
        "credential_expired": row.expires_at is not None and row.expires_at <= now,
        "organization_inactive": not row.organization__is_active,
        "owner_gone": is_user and (row.owner_id is None or row.owner_is_active is None),
        "owner_inactive": is_user and not row.owner_is_active,
        "network_not_allowed": bool(row.allowed_networks)
        and not is_within(address, row.allowed_networks),
        "sent_by_browser": browser_origin is not None
        and browser_origin not in get_settings().allowed_origins,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)
