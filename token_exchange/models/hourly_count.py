"""Exchanges counted by hour, organization, credential and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.revocation_writer import batched
from token_exchange.models.writer import WriterQuerySet

_COLUMNS: Final = ("hour", "identifier", "organization", "outcome", "count")


class Counted(NamedTuple):
    """What is counted apart, in the order of the rows' index."""

    hour: datetime
    identifier: str
    organization: str
    outcome: str


class HourlyCountQuerySet(WriterQuerySet["HourlyCount"]):
    """Counts, which only grow."""

    def add(self, counts: Mapping[Counted, int]) -> None:
        """Add to the rows that are there, insert the others: one statement for many of them.

        Rows are locked in one order, so that simultaneous calls cannot deadlock.
        """
        self._for_write = True
        connection = connections[self.db]
        for some in batched(sorted(counts.items())):
            sql = addition(self.model, len(some), connection)
            with connection.cursor() as cursor:
                cursor.execute(sql, self._parameters(some, connection))

    def _parameters(self, some: list[tuple[Counted, int]], connection: Any) -> list[Any]:
        fields: list[Any] = [self.model._meta.get_field(name) for name in _COLUMNS]
        return [
            field.get_db_prep_save(value, connection)
            for counted, count in some
            for field, value in zip(fields, (*counted, count), strict=True)
        ]


def addition(model: type[models.Model], rows: int, connection: Any) -> str:
    """Return the statement that adds to so many rows, or inserts them, on this database."""
    quote = connection.ops.quote_name
    table, count = quote(model._meta.db_table), quote("count")
    columns = ", ".join(map(quote, _COLUMNS))
    key = ", ".join(map(quote, _COLUMNS[:-1]))
    row = f"({', '.join(['%s'] * len(_COLUMNS))})"
    # Not bulk_create(update_conflicts=True): that puts the new count in the place of the old one.
    if connection.vendor == "mysql":
        conflict = f"ON DUPLICATE KEY UPDATE {count} = {table}.{count} + VALUES({count})"
    else:
        conflict = f"ON CONFLICT ({key}) DO UPDATE SET {count} = {table}.{count} + EXCLUDED.{count}"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * rows)} {conflict}"  # noqa: S608 - names


class HourlyCount(models.Model):
    """The exchanges of one hour with one outcome: of one credential, or of an organization.

    A row without an identifier counts all of its organization; one without an organization, what
    belongs to none that is known.
    """

    hour = models.DateTimeField(_("hour"), editable=False)
    organization = ExactCharField(_("organization"), max_length=255, blank=True, editable=False)
    identifier = ExactCharField(_("identifier"), max_length=64, blank=True, editable=False)
    outcome = models.CharField(_("outcome"), max_length=40, editable=False)
    count = models.PositiveBigIntegerField(_("count"), editable=False)

    objects = HourlyCountQuerySet.as_manager()

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


class Dashboard(HourlyCount):
    """The counts as the page of the admin that sums them up."""

    class Meta:
        proxy = True
        # Who may see the counts may see their sum.
        default_permissions = ()
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboard")
