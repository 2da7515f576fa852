"""Signing keys: public and encrypted private half, and the times from which the state follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from token_exchange.conf import get_settings
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.writer import WriterQuerySet
from token_exchange_core.keys import ALGORITHMS

LONGEST_TOKEN_LIFETIME: Final = timedelta(days=1)
"""The most that a setting allows; a key that retired longer ago has no live token."""

_CLOCK_STEP: Final = timedelta(minutes=15)
"""How far a clock may be ahead without deleting a key too early, which cannot be undone."""


class KeyState(models.TextChoices):
    """A signing key's state."""

    NEXT = "next", _("Next")
    CURRENT = "current", _("Current")
    RETIRED = "retired", _("Retired")
    GONE = "gone", _("Gone")


def _publication_ends_before(now: datetime) -> datetime:
    return now - LONGEST_TOKEN_LIFETIME - get_settings().jwks_max_age


class SigningKeyQuerySet(WriterQuerySet["SigningKey"]):
    """Signing keys in every state."""

    def published(self, *, now: datetime) -> Self:
        """Keep the keys that verifiers accept: next, current and retired, oldest first."""
        return self.filter(
            Q(retires_at=None) | Q(retires_at__gt=_publication_ends_before(now)), removed_at=None
        ).order_by("sequence")

    def delete_gone(self, *, now: datetime) -> None:
        """Delete the private halves of keys that are gone, and later their rows.

        A row is deleted ``TOKEN_RETENTION`` after the key's last token has expired.
        """
        gone_since = _publication_ends_before(now)
        gone = self.filter(Q(removed_at__isnull=False) | Q(retires_at__lte=gone_since))
        gone.exclude(encrypted_private_key="").update(encrypted_private_key="")
        unnamed_since = gone_since - get_settings().token_retention - _CLOCK_STEP
        self.filter(Q(removed_at__lte=unnamed_since) | Q(retires_at__lte=unnamed_since)).delete()


class SigningKey(models.Model):
    """A signing key, its private half encrypted."""

    # Two processes that add a key at once use the same number, and the constraint refuses one.
    sequence = models.PositiveIntegerField(_("sequence"), unique=True, editable=False)
    kid = ExactCharField("kid", max_length=43, unique=True, editable=False)
    algorithm = models.CharField(
        _("algorithm"),
        max_length=5,
        choices=[(name, name) for name in sorted(ALGORITHMS)],
        editable=False,
    )
    public_jwk = models.JSONField(_("public JWK"), editable=False)
    encrypted_private_key = models.TextField(editable=False)
    published_at = models.DateTimeField(_("published at"), editable=False)
    activates_at = models.DateTimeField(_("signs from"), editable=False)
    retires_at = models.DateTimeField(_("signs until"), null=True, editable=False)
    removed_at = models.DateTimeField(_("removed at"), null=True, editable=False)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("rotate_signingkey", _("Can rotate signing keys")),
            ("remove_signingkey", _("Can remove signing keys")),
        ]
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        ordering: ClassVar[list[str]] = ["-sequence"]

    def __str__(self) -> str:
        return self.kid

    def state(self, *, now: datetime) -> KeyState:
        """Return the state of the key at ``now``."""
        if self.removed_at is not None:
            return KeyState.GONE
        if self.activates_at > now:
            return KeyState.NEXT
        if self.retires_at is None or self.retires_at > now:
            return KeyState.CURRENT
        if self.retires_at > _publication_ends_before(now):
            return KeyState.RETIRED
        return KeyState.GONE
