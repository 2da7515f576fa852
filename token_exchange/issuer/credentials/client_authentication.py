"""Whose secret is this, and may it be used here and now?"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from django.db import DatabaseError, InterfaceError, router, transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import get_settings
from token_exchange.issuer.credentials.lookup import StoredCredential, find
from token_exchange.issuer.credentials.secret_match import SecretMatch, match_secret
from token_exchange.models import Credential
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange.signals import previous_secret_used
from token_exchange_core import secret_strings
from token_exchange_core.errors import InvalidClient
from token_exchange_core.event_log import log_event
from token_exchange_core.networks import is_within

LAST_USED_RESOLUTION: Final = timedelta(minutes=1)
"""``last_used_at`` is written at most this often, so that no request waits for another's row."""

_ADDRESS_LENGTH: Final = 64


class AuthenticatedCredential(NamedTuple):
    """What one query told of a credential whose secret was right.

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
    """Of the secret that was shown, and not of the current one."""
    generation: int
    expires_at: datetime | None
    organization_default_token_lifetime: timedelta | None
    organization_max_token_lifetime: timedelta | None
    used_previous_secret: bool
    owner: Any = None
    """The user, only where ``load_owner`` asked for them."""
    token: str | None = None
    """The unsigned token that the client may get again, only where ``token_until`` asked for it."""


@sensitive_variables("raw_key", "secret")
def authenticate_api_key(
    raw_key: str, *, address: str, now: datetime, load_owner: bool = False
) -> AuthenticatedCredential:
    """Return the API key's credential, by one SELECT, if it may be used from ``address`` now.

    With ``load_owner`` the same SELECT brings the owning user, if there is one.
    Raises ``InvalidClient`` with one public text for everything that can be wrong; only its
    private reason tells revoked from unknown.
    """
    secret = secret_strings.parse_secret(raw_key, prefix=get_settings().api_key_string_prefix)
    row = find(kind=Credential.Kind.API_KEY, identifier=secret.identifier, load_owner=load_owner)
    return _authenticate(
        row, identifier=secret.identifier, digest=secret.digest, address=address, now=now
    )


@sensitive_variables("raw_client_secret", "secret")
def authenticate_client_app(
    client_id: str,
    raw_client_secret: str,
    *,
    address: str,
    now: datetime,
    token_until: datetime | None = None,
) -> AuthenticatedCredential:
    """Return the client app's credential; otherwise as ``authenticate_api_key``.

    With ``token_until`` the same SELECT brings the newest token that may be handed out again and
    lives beyond that, if there is one.
    """
    settings = get_settings()
    identifier = secret_strings.parse_client_id(client_id, prefix=settings.client_id_string_prefix)
    secret = secret_strings.parse_secret(
        raw_client_secret, prefix=settings.client_secret_string_prefix
    )
    row = find(kind=Credential.Kind.CLIENT_APP, identifier=identifier, token_until=token_until)
    return _authenticate(row, identifier=identifier, digest=secret.digest, address=address, now=now)


def _authenticate(
    row: StoredCredential | None, *, identifier: str, digest: str, address: str, now: datetime
) -> AuthenticatedCredential:
    match = match_secret(row, digest, now=now)
    if row is None or row.identifier != identifier:  # a collation may have ignored the case
        raise InvalidClient(reason="unknown")
    reason = _reason_to_refuse(row, match, address=address, now=now)
    if reason is not None:
        raise InvalidClient(reason=reason, identifier=identifier)
    is_current = match is SecretMatch.CURRENT
    _record_use(row, used_previous_secret=not is_current, address=address, now=now)
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
    row: StoredCredential, match: SecretMatch | None, *, address: str, now: datetime
) -> str | None:
    if match is None:
        return "wrong_secret"  # and no more work than for a credential that is unknown
    is_user = row.subject_type == Credential.SubjectType.USER
    # In the order in which an operator would ask.
    reasons = {
        "previous_secret_expired": match is SecretMatch.PREVIOUS_EXPIRED,
        "credential_revoked": row.revoked_at is not None,
        "credential_expired": row.expires_at is not None and row.expires_at <= now,
        "organization_inactive": not row.organization__is_active,
        "owner_gone": is_user and row.owner_id is None,
        "owner_inactive": is_user and not row.owner_is_active,
        "network_not_allowed": bool(row.allowed_networks)
        and not is_within(address, row.allowed_networks),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _record_use(
    row: StoredCredential, *, used_previous_secret: bool, address: str, now: datetime
) -> None:
    before = now - LAST_USED_RESOLUTION
    last_used_at = row.previous_secret_last_used_at if used_previous_secret else row.last_used_at
    if last_used_at is not None and last_used_at > before:
        return
    used: dict[str, Any] = {"last_used_at": now, "last_used_from": address[:_ADDRESS_LENGTH]}
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    seen = None
    if used_previous_secret:
        used["previous_secret_last_used_at"] = now
        used["previous_secret_last_used_from"] = used["last_used_from"]
        stale = Q(previous_secret_last_used_at=None) | Q(previous_secret_last_used_at__lte=before)
        seen = {"credential_id": row.pk, "identifier": row.identifier, "address": address}
    using = router.db_for_write(Credential)
    rows = Credential.objects.using(using).filter(stale, pk=row.pk)
    # After the caller's transaction: a request must not hold this row until it ends.
    transaction.on_commit(partial(_write_use, rows, used, seen), using=using, robust=True)


def _write_use(
    rows: CredentialQuerySet, used: dict[str, Any], previous_secret: dict[str, Any] | None
) -> None:
    try:
        is_first = rows.update(**used) == 1
    except (DatabaseError, InterfaceError) as error:  # a read-only connection still authenticates
        log_event(logging.DEBUG, "credential.use_not_recorded", error=type(error).__name__)
        return
    # Of requests at the same moment the one that wrote speaks for all.
    if is_first and previous_secret is not None:
        log_event(
            logging.WARNING,
            "credential.previous_secret_used",
            identifier=previous_secret["identifier"],
            address=previous_secret["address"],
        )
        previous_secret_used.send_robust(sender=None, **previous_secret)
