"""The token policy: subject, audience, scopes and lifetime of a token.

Only this module decides which of a credential, its organization and the settings takes
precedence, and what the ceilings are. The admin shows what these functions return.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from token_exchange.conf import get_settings
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.models import Credential
from token_exchange.models.credential_policy import effective_audience
from token_exchange_core.errors import InvalidClient, InvalidRequest, InvalidScope, InvalidTarget
from token_exchange_core.tokens import USER_SUBJECT_PREFIX


class LifetimeSource(Protocol):
    """What decides a token's lifetime: a stored credential, or one that has authenticated."""

    @property
    def kind(self) -> Any: ...  # noqa: D102
    @property
    def token_lifetime(self) -> timedelta | None: ...  # noqa: D102
    @property
    def expires_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def organization_default_token_lifetime(self) -> timedelta | None: ...  # noqa: D102
    @property
    def organization_max_token_lifetime(self) -> timedelta | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a client requests; ``None`` stands for all that its credential allows."""

    scopes: frozenset[str] | None = None
    audience: tuple[str, ...] | None = None
    expires_in: int | None = None
    """Seconds."""


def default_lifetime(kind: str) -> timedelta:
    """Return the lifetime where neither the credential nor its organization sets one."""
    settings = get_settings()
    if kind == Credential.Kind.CLIENT_APP:
        return settings.client_app_token_lifetime
    return settings.api_key_token_lifetime


def max_lifetime(credential: LifetimeSource, *, now: datetime) -> timedelta:
    """Return the ceiling: not above zero where the credential has expired."""
    limit = get_settings().max_token_lifetime
    if credential.organization_max_token_lifetime is not None:
        limit = min(limit, credential.organization_max_token_lifetime)
    if credential.expires_at is not None:
        limit = min(limit, credential.expires_at - now)
    return limit


def lifetime(credential: LifetimeSource, *, now: datetime) -> timedelta:
    """Return how long a token issued now lives, where the request does not say."""
    wanted = (
        credential.token_lifetime
        or credential.organization_default_token_lifetime
        or default_lifetime(credential.kind)
    )
    return min(wanted, max_lifetime(credential, now=now))


def subject(credential: AuthenticatedCredential) -> str:
    """Return the claim ``sub``: ``user:<pk>``, or the credential's identifier."""
    if credential.subject_type == Credential.SubjectType.USER:
        return f"{USER_SUBJECT_PREFIX}{credential.owner_id}"
    return credential.identifier


def scopes(credential: AuthenticatedCredential, requested: frozenset[str] | None) -> frozenset[str]:
    """Return the requested scopes, or all. Raises ``InvalidScope`` beyond the credential's."""
    granted = frozenset(credential.scopes)
    if requested is None:
        return granted
    if not requested <= granted:
        raise InvalidScope(reason="scope_not_granted", identifier=credential.identifier)
    return requested


def audience(
    credential: AuthenticatedCredential, requested: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Return the requested audience, or all. Raises ``InvalidTarget`` beyond the credential's."""
    allowed = effective_audience(credential.audience)
    if requested is None:
        return allowed
    if not set(requested) <= set(allowed):
        raise InvalidTarget(reason="audience_not_allowed", identifier=credential.identifier)
    return requested


def lifetime_seconds(
    credential: AuthenticatedCredential, requested: int | None, *, now: datetime
) -> int:
    """Return the requested lifetime, or that of ``lifetime``.

    Raises ``InvalidRequest`` beyond the ceiling, ``InvalidClient`` in the credential's last second.
    """
    ceiling = int(max_lifetime(credential, now=now).total_seconds())
    if ceiling < 1:
        # Its last second has begun, and a token without a lifetime is of no use.
        raise InvalidClient(reason="credential_expired", identifier=credential.identifier)
    if requested is None:
        return max(1, int(lifetime(credential, now=now).total_seconds()))
    if requested > ceiling:
        raise InvalidRequest(
            f"For this credential, expires_in can be at most {ceiling} seconds.",
            reason="expires_in_over_maximum",
            identifier=credential.identifier,
        )
    return requested
