"""Does a key lie within what somebody may have themselves?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from token_exchange.conf import get_settings
from token_exchange.models import AbstractOrganization, Credential
from token_exchange_core.errors import (
    AccessDenied,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    TokenExchangeError,
)
from token_exchange_core.networks import lie_within


def effective_audience(audience: Any) -> tuple[str, ...]:
    """Return the audience that tokens get: an empty one is this service's own."""
    return tuple(audience) or (get_settings().audience,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a key may do, or is to be allowed."""

    organization_id: Any
    scopes: frozenset[str]
    audience: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    expires_at: datetime | None


def policy_of(credential: Credential) -> Policy:
    """Return what a stored key may do."""
    return Policy(
        organization_id=credential.organization_id,
        scopes=frozenset(credential.scopes),
        audience=tuple(credential.audience),
        allowed_networks=tuple(credential.allowed_networks),
        expires_at=credential.expires_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that a key may have."""

    organization: AbstractOrganization
    scopes: frozenset[str]
    audience: tuple[str, ...]
    """Never empty."""
    allowed_networks: tuple[str, ...]
    """Empty: everywhere."""
    expires_at: datetime | None
    token_lifetime: timedelta | None = None
    """What a new key gets, so that its tokens live no longer than its maker's."""

    def check(self, policy: Policy) -> None:
        """Raise ``AccessDenied``, ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest``.

        Which one it is tells what of the policy is out of bounds.
        """
        if policy.organization_id != self.organization.pk:
            raise AccessDenied(reason="organization_out_of_bounds")
        if not policy.scopes <= self.scopes:
            raise InvalidScope(
                "The requested scope exceeds what the caller may give.", reason="scope_not_granted"
            )
        if not set(effective_audience(policy.audience)) <= set(self.audience):
            raise InvalidTarget(
                "The requested audience is unknown or not the caller's to give.",
                reason="audience_not_allowed",
            )
        self._check_networks(policy)
        self._check_expiry(policy)

    def contain(self, credential: Credential) -> bool:
        """Tell whether a stored key lies within, so that it may be managed."""
        try:
            self.check(policy_of(credential))
        except TokenExchangeError:
            return False
        return True

    def _check_networks(self, policy: Policy) -> None:
        if not lie_within(policy.allowed_networks, self.allowed_networks):
            raise InvalidRequest(
                "The parameter allowed_networks must lie within "
                f"{', '.join(self.allowed_networks)}.",
                reason="networks_out_of_bounds",
            )

    def _check_expiry(self, policy: Policy) -> None:
        latest = self.expires_at
        if latest is not None and (policy.expires_at is None or policy.expires_at > latest):
            raise InvalidRequest(
                f"The key must expire by {latest.isoformat(timespec='seconds')}.",
                reason="expiry_out_of_bounds",
            )
