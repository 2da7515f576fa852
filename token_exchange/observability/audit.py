"""Who did what to which credential, token or key?

Each life-cycle event becomes a row, in the transaction that made it happen, and after the commit a
line of the logger ``token_exchange`` under the same stable name.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from django.db import transaction

from token_exchange.models import AbstractOrganization, AccessToken, AuditEvent, SigningKey
from token_exchange_core.event_log import log_event
from token_exchange_core.secret_strings import redact_secrets

Event = AuditEvent.Event

_TO_WORRY_ABOUT: Final = frozenset(
    {
        Event.CREDENTIAL_COMPROMISED,
        Event.CREDENTIAL_REVOKED,
        Event.TOKEN_REVOKED,
        Event.SIGNING_KEY_REMOVED,
    }
)

_LONGEST: Final = 255

_LOGGED_AS: Final[Mapping[str, str]] = {
    AuditEvent.TargetType.ACCESS_TOKEN: "jti",
    AuditEvent.TargetType.SIGNING_KEY: "kid",
    AuditEvent.TargetType.ORGANIZATION: "organization",
}
"""The field of the log's line that names the target; of credentials ``identifier``."""


class Target(NamedTuple):
    """To what an event happened."""

    type: str
    name: str
    organization_id: Any = None


class _Credential(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def identifier(self) -> str: ...
    @property
    def organization_id(self) -> Any: ...


def credential_target(credential: _Credential) -> Target:
    """Name a credential, as a row or as authentication found it."""
    return Target(credential.kind, credential.identifier, credential.organization_id)


def access_token_target(access_token: AccessToken) -> Target:
    """Name an access token; its organization is its credential's."""
    organization_id = access_token.credential.organization_id
    return Target(AuditEvent.TargetType.ACCESS_TOKEN, access_token.jti, organization_id)


def signing_key_target(signing_key: SigningKey) -> Target:
    """Name a signing key, which belongs to no organization."""
    return Target(AuditEvent.TargetType.SIGNING_KEY, signing_key.kid)


def organization_target(organization: AbstractOrganization) -> Target:
    """Name an organization."""
    return Target(AuditEvent.TargetType.ORGANIZATION, str(organization.pk), organization.pk)


def record(
    event: AuditEvent.Event,
    target: Target,
    *,
    using: str,
    now: datetime,
    by: Any = None,
    origin: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write the event's row on the database ``using``, and its line once that has committed.

    ``by`` is the user who did it, if one did; ``origin`` the address of the request, or what else
    it came from. ``details`` are values that JSON has; none may be a secret or a digest. What
    people wrote is kept without the secrets that they pasted: no event can be deleted.
    """
    belongs_to = "" if target.organization_id is None else str(target.organization_id)
    row = AuditEvent(
        occurred_at=now,
        event=str(event),
        target_type=str(target.type),
        target=target.name,
        organization=belongs_to,
        actor_id="" if by is None else str(by.pk),
        actor="" if by is None else str(by.get_username())[:_LONGEST],
        origin=_printable(origin)[:_LONGEST],
        reason=without_secrets(reason),
        details=without_secrets(dict(details or {})),
    )
    row.save(using=using)
    transaction.on_commit(partial(_log, row), using=using, robust=True)


def edited(
    edits: Mapping[str, tuple[Any, Any]], *, shown: Container[str]
) -> dict[str, list[Any] | None]:
    """Return the details of an edit: of what may be ``shown`` before and after, by field."""
    return {
        name: [plain(before), plain(after)] if name in shown else None
        for name, (before, after) in edits.items()
    }


def plain(value: Any) -> Any:
    """Return a field's value as one that JSON has."""
    if isinstance(value, timedelta):
        return f"{int(value.total_seconds())} s"
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def without_secrets(value: Any) -> Any:
    """Return what people wrote, and of each secret that they pasted into it the identifier."""
    if isinstance(value, str):
        return redact_secrets(value)
    if isinstance(value, dict):
        return {name: without_secrets(each) for name, each in value.items()}
    return [without_secrets(each) for each in value] if isinstance(value, list) else value


def _printable(origin: str) -> str:
    # It may be a header that a proxy passed on, and no database stores NUL.
    return "".join(each if each.isprintable() else "?" for each in origin)


def _log(row: AuditEvent) -> None:
    fields: dict[str, Any] = {**row.details, "by": row.actor or None, "origin": row.origin or None}
    if row.organization:
        fields["organization"] = row.organization
    fields[_LOGGED_AS.get(row.target_type, "identifier")] = row.target
    if row.reason:
        fields["reason"] = row.reason
    level = logging.WARNING if row.event in _TO_WORRY_ABOUT else logging.INFO
    log_event(level, row.event, **fields)
