"""The user who manages keys, signed in by session or by a token of one of their keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from token_exchange.models import Credential
from token_exchange.models.parents import is_shown
from token_exchange.observability.audit import Act
from token_exchange_core.errors import AccessDenied
from token_exchange_core.tokens import Claims
from token_exchange_core.verification import VerifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user who manages keys."""

    user: Any
    origin: str
    """The address of the request, with the identifier of the key whose token it brought."""
    claims: Claims | None = None
    """Those of the token; ``None`` where the user is signed in by session."""

    def act(self, *, now: datetime, reason: str = "", made_with: Credential | None = None) -> Act:
        """Return the caller's act, for the audit trail."""
        by, origin = self.user, self.origin
        return Act(now=now, by=by, origin=origin, reason=reason, made_with=made_with)


def caller_by_session(user: Any, *, origin: str) -> Caller:
    """Return the caller who is signed in; raises ``AccessDenied`` if inactive or hidden."""
    # Some authentication backends let them sign in.
    if not user.is_active or not is_shown(user):
        raise AccessDenied(reason="owner_inactive")
    return Caller(user=user, origin=origin)


def caller_by_token(verified: VerifiedToken, *, origin: str) -> Caller:
    """Return the user as whom a token acts. Raises ``AccessDenied`` for a machine's token."""
    if verified.owner is None:
        raise AccessDenied(
            "Only the token of a user's key can manage that user's keys.",
            reason="machine_token",
            identifier=verified.claims.client_id,
        )
    claims = verified.claims
    return Caller(user=verified.owner, origin=f"{origin} with {claims.client_id}", claims=claims)
