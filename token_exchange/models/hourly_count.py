"""How often did exchanges succeed or fail in an hour?"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from token_exchange.models.querysets import WriterQuerySet


class HourlyCount(models.Model):
    """The exchanges of one hour with one outcome: of one credential, or of an organization.

    A row without an identifier counts all of its organization; one without an organization, what
    belongs to none that is known.
    """

    hour = models.DateTimeField(_("hour"), editable=False)
    organization = models.CharField(_("organization"), max_length=255, blank=True, editable=False)
    identifier = models.CharField(_("identifier"), max_length=64, blank=True, editable=False)
    outcome = models.CharField(_("outcome"), max_length=40, editable=False)
    count = models.PositiveBigIntegerField(_("count"), editable=False)

    objects = WriterQuerySet["HourlyCount"].as_manager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["hour", "identifier", "organization", "outcome"],
                name="token_exchange_hourly_count",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.identifier} {self.outcome}: {self.count}"
