"""Who did what to which credential or key, and when?

Each life-cycle signal becomes a line of the logger ``token_exchange`` under a stable event name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

from token_exchange import signals
from token_exchange.event_log import log_event


def connect() -> None:
    """Listen to every life-cycle signal; connecting twice is harmless."""
    receivers: dict[Signal, Callable[..., None]] = {
        signals.credential_issued: _credential_issued,
        signals.credential_rotated: _credential_rotated,
        signals.credential_overlap_ended: _credential_overlap_ended,
        signals.credential_revoked: _credential_revoked,
        signals.credential_tokens_invalidated: _credential_tokens_invalidated,
        signals.previous_secret_used: _previous_secret_used,
        signals.access_token_revoked: _access_token_revoked,
        signals.signing_key_published: _signing_key_published,
        signals.signing_key_removed: _signing_key_removed,
    }
    for signal, receiver in receivers.items():
        signal.connect(receiver, dispatch_uid="token_exchange.audit")


def _name(by: Any) -> str | None:
    return None if by is None else str(by.get_username())


def _credential_issued(*, credential: Any, by: Any, **_: object) -> None:
    log_event(
        logging.INFO,
        "credential.issued",
        identifier=credential.identifier,
        name=credential.name,
        organization=credential.organization_id,
        owner=credential.owner_id,
        scopes=credential.scopes,
        by=_name(by),
    )


def _credential_rotated(
    *, credential: Any, by: Any, overlap: Any, compromised: bool, **_: object
) -> None:
    log_event(
        logging.WARNING if compromised else logging.INFO,
        "credential.compromised" if compromised else "credential.rotated",
        identifier=credential.identifier,
        overlap_seconds=int(overlap.total_seconds()),
        by=_name(by),
    )


def _credential_overlap_ended(*, credential: Any, by: Any, **_: object) -> None:
    log_event(
        logging.INFO, "credential.overlap_ended", identifier=credential.identifier, by=_name(by)
    )


def _credential_revoked(*, credential: Any, by: Any, reason: str, **_: object) -> None:
    log_event(
        logging.WARNING,
        "credential.revoked",
        identifier=credential.identifier,
        reason=reason,
        by=_name(by),
    )


def _credential_tokens_invalidated(*, identifier: str, **_: object) -> None:
    log_event(logging.INFO, "credential.tokens_invalidated", identifier=identifier)


def _previous_secret_used(*, identifier: str, address: str, **_: object) -> None:
    log_event(
        logging.WARNING,
        "credential.previous_secret_used",
        identifier=identifier,
        address=address,
    )


def _access_token_revoked(*, access_token: Any, by: Any, **_: object) -> None:
    log_event(
        logging.WARNING,
        "token.revoked",
        jti=access_token.jti,
        identifier=access_token.credential.identifier,
        by=_name(by),
    )


def _signing_key_published(*, signing_key: Any, by: Any, **_: object) -> None:
    log_event(
        logging.INFO,
        "signing_key.published",
        kid=signing_key.kid,
        algorithm=signing_key.algorithm,
        signs_from=signing_key.activates_at.isoformat(timespec="seconds"),
        by=_name(by),
    )


def _signing_key_removed(*, signing_key: Any, by: Any, **_: object) -> None:
    log_event(logging.WARNING, "signing_key.removed", kid=signing_key.kid, by=_name(by))
