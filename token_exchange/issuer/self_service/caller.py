"""Which user asks, and by what: a session, or a token of one of the user's keys?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from token_exchange_core.errors import AccessDenied
from token_exchange_core.tokens import Claims
from token_exchange_core.verification import VerifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user who manages keys."""

    user: Any
    origin: str
    """The address of the request, and of which key a token came with it."""
    claims: Claims | None = None
    """Those of the token; ``None`` where the user is signed in by session."""


def caller_by_session(user: Any, *, origin: str) -> Caller:
    """Return the caller who is signed in; raises ``AccessDenied`` if they are deactivated."""
    if not user.is_active:  # some authentication backends let these sign in
        raise AccessDenied(reason="owner_inactive")
    return Caller(user=user, origin=origin)


def caller_by_token(verified: VerifiedToken, *, origin: str) -> Caller:
    """Return the user whom a good token speaks for; raises ``AccessDenied`` for a machine's."""
    if verified.owner is None:
        raise AccessDenied(
            "Only the token of a user's key can manage that user's keys.",
            reason="machine_token",
            identifier=verified.claims.client_id,
        )
    claims = verified.claims
    return Caller(user=verified.owner, origin=f"{origin} with {claims.client_id}", claims=claims)
