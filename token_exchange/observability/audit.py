"""The audit trail: who did what to which credential, token, key or organization.

Each life-cycle event becomes a row in the transaction that makes it happen and, after the commit, a
line of the logger ``token_exchange`` under the same stable name.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from token_exchange.models import (
    AbstractOrganization,
    AccessToken,
    AuditEvent,
    Credential,
    SigningKey,
)
from token_exchange.signals import announce
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something, when, from where and why: one value for every operation."""

    now: datetime = field(default_factory=timezone.now)
    by: Any = None
    """The user who does it, if one does."""
    origin: str = ""
    """The address of the request, or what else it comes from, such as a shell."""
    reason: str = ""
    """What a person wrote; kept without the secrets pasted into it."""
    made_with: Credential | None = None
    """The credential whose token asks for it, if one does: it obtains what is created."""

    def record(
        self,
        event: AuditEvent.Event,
        target: Target,
        *,
        using: str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the event's row on the database ``using``, and its log line after the commit.

        ``details`` are values that JSON has; none may be a secret or a digest. Secrets that people
        pasted into a text are left out: no event can be deleted.
        """
        belongs_to = "" if target.organization_id is None else str(target.organization_id)
        row = AuditEvent(
            occurred_at=self.now,
            event=str(event),
            target_type=str(target.type),
            target=target.name,
            organization=belongs_to,
            actor_id="" if self.by is None else str(self.by.pk),
            actor="" if self.by is None else str(self.by.get_username())[:_LONGEST],
            origin=_printable(self.origin)[:_LONGEST],
            reason=without_secrets(self.reason),
            details=without_secrets(dict(details or {})),
        )
        row.save(using=using)
        transaction.on_commit(partial(_log, row), using=using, robust=True)

    def announce(self, signal: Signal, *, using: str, **arguments: Any) -> None:
        """Send ``signal`` with ``by`` and ``arguments`` after the commit."""
        announce(signal, using=using, by=self.by, **arguments)


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
