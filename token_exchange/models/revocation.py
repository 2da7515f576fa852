"""The rows of the revocation feed.

How their positions are drawn, and why, is described in ``revocation_writer``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.writer import WriterQuerySet
from token_exchange_core import revocation_set
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.revocation_set import RevocationKind

_LAST_POSITION: Final = models.BigIntegerField.MAX_BIGINT


class RevocationQuerySet(WriterQuerySet["Revocation"]):
    """Revocations."""

    def after(self, position: int) -> Self:
        """Keep what comes after ``position``, in order of positions.

        The position alone decides, and no clock: a reader with a wrong clock would skip a live row
        as expired, and with its next position ask for what comes after that row.
        """
        return self.filter(position__gt=position).order_by("position", "pk")

    def page(self, size: int) -> Self:
        """Keep the first ``size`` rows, and all others with the position of the last of them.

        One statement does both, because a row that is revoked a second time moves to the end: with
        two statements it could be missing from both pages.
        """
        last = self.values("position")[size - 1 : size]
        return self.filter(position__lte=Coalesce(Subquery(last), _LAST_POSITION))

    def positioned_values(
        self, *, now: datetime
    ) -> Iterator[tuple[int, revocation_set.Revocation]]:
        """Return each position and revocation, expired ones included.

        Raises ``MalformedFeed`` after the last if some rows are malformed and live at ``now``.
        """
        malformed = []
        for pk, position, kind, subject, generation, expires_at in self.values_list(
            "pk", "position", "kind", "subject", "generation", "expires_at"
        ):
            try:
                revocation = _parse(kind, subject, generation, expires_at)
            except (TypeError, ValueError):
                if expires_at is None or expires_at > now:
                    malformed.append(pk)
            else:
                yield position, revocation
        if malformed:
            raise MalformedFeed(malformed)


class MalformedFeed(TemporarilyUnavailable):
    """The feed contains rows that this version of the code does not understand.

    It is unknown what they revoke, so no token can be verified as long as they exist.
    """

    def __init__(self, primary_keys: Iterable[int]) -> None:
        super().__init__(reason="feed_malformed")
        self.primary_keys = frozenset(primary_keys)


def _parse(
    kind: str, subject: str, generation: int | None, expires_at: datetime | None
) -> revocation_set.Revocation:
    # SQLite stores values of any type in any column.
    if expires_at is None or not isinstance(generation, int | None):
        raise TypeError("a column has a value of another type")
    return revocation_set.Revocation(
        kind=RevocationKind(kind),
        subject=subject,
        generation=generation,
        expires_at=int(expires_at.timestamp()),
    )


class Revocation(models.Model):
    """A row of the feed: plain values, because what they refer to may be purged first."""

    kind = models.CharField(_("kind"), max_length=11, editable=False)
    subject = ExactCharField(_("subject"), max_length=255, editable=False)
    generation = models.PositiveIntegerField(_("generation"), null=True, editable=False)
    position = models.PositiveBigIntegerField(_("position"), db_index=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), db_index=True, editable=False)

    objects = RevocationQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("grant_revocations", _("Can grant the scope token_exchange:revocations"))
        ]
        verbose_name = _("revocation")
        verbose_name_plural = _("revocations")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # One row per subject is enough: a later generation includes the earlier ones.
            models.UniqueConstraint(fields=["kind", "subject"], name="token_exchange_revoked")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
