"""Where can a credential stand in its life, and which rows stand there?"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from django.db.models import Q


class State(StrEnum):
    """Where a credential stands in its life."""

    ACTIVE = "active"
    ROTATING = "rotating"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state_condition(state: State, *, now: datetime) -> Q:
    """Return the condition of the rows for which ``Credential.state`` is ``state`` at ``now``."""
    lives = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    rotates = Q(previous_secret_expires_at__gt=now)
    conditions = {
        # Not only ~rotates: NOT (NULL > now) is unknown, so the row would be lost.
        State.ACTIVE: lives & (Q(previous_secret_expires_at=None) | ~rotates),
        State.ROTATING: lives & rotates,
        State.EXPIRED: Q(revoked_at=None, expires_at__lte=now),
        State.REVOKED: Q(revoked_at__isnull=False),
    }
    return conditions[state]
