"""Credential states with their labels, and the query conditions that match them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from token_exchange.conf import get_settings


class State(TextChoices):
    """A credential's state; it can be rotating and expiring at the same time."""

    ACTIVE = "active", _("Active")
    ROTATING = "rotating", _("Rotating")
    EXPIRING = "expiring", _("Expiring")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


def warning_window() -> timedelta:
    """Return for how long before its end a credential is expiring."""
    return max(get_settings().expiry_warnings, default=timedelta(0))


def lives(*, now: datetime) -> Q:
    """Return the condition of the rows that have not ended at ``now``."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))


def state_condition(state: State, *, now: datetime) -> Q:
    """Return the condition of the rows whose ``Credential.states`` have ``state`` at ``now``."""
    rotates = Q(previous_secret_expires_at__gt=now)
    ends_at = now + warning_window()
    conditions = {
        # Not only ~rotates: NOT (NULL > now) is unknown, so the row would be lost.
        State.ACTIVE: Q(revoked_at=None)
        & (Q(expires_at=None) | Q(expires_at__gt=ends_at))
        & (Q(previous_secret_expires_at=None) | ~rotates),
        State.ROTATING: lives(now=now) & rotates,
        State.EXPIRING: Q(revoked_at=None, expires_at__gt=now, expires_at__lte=ends_at),
        State.EXPIRED: Q(revoked_at=None, expires_at__lte=now),
        State.REVOKED: Q(revoked_at__isnull=False),
    }
    return conditions[state]
