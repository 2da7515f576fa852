"""The revocation feed: its rows, and the counter of their positions.

How positions are drawn, and why, is described in ``revocation_writer``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from django.db import models, router
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from token_exchange.database.compiled_queries import Select
from token_exchange.models.exact_char_field import ExactCharField
from token_exchange.models.writer import WriterQuerySet
from token_exchange_core import process_state, revocation_set
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.revocation_set import RevocationKind

EPOCH_LENGTH: Final = 22
_LAST_POSITION: Final = models.BigIntegerField.MAX_BIGINT


class RevocationFeed(models.Model):
    """The one row that counts positions."""

    ONLY_PK: ClassVar[int] = 1

    # Differs between databases: in a new one, positions start again and earlier copies are void.
    epoch = models.CharField(max_length=EPOCH_LENGTH, editable=False)
    position = models.PositiveBigIntegerField(editable=False)

    objects = WriterQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("revocation feed")
        verbose_name_plural = _("revocation feeds")

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}"


def read_counter() -> tuple[str, int]:
    """Return the feed's epoch and last position; one query on the writer."""
    found = _select_counter().first(using=router.db_for_write(RevocationFeed))
    # There is no row until the first revocation.
    return ("", 0) if found is None else (found[0], found[1])


@process_state.cached
def _select_counter() -> Select:
    return Select(RevocationFeed.objects.values_list("epoch", "position"))


class RevocationQuerySet(WriterQuerySet["Revocation"]):
    """Revocations."""

    def after(self, position: int, *, now: datetime) -> Self:
        """Keep what a reader that has reached ``position`` still needs, in order of positions."""
        return self.filter(position__gt=position, expires_at__gt=now).order_by("position", "pk")

    def page(self, size: int) -> Self:
        """Keep the first ``size`` rows, and all others with the position of the last of them.

        One statement does both, because a row that is revoked a second time moves to the end: with
        two statements it could be missing from both pages.
        """
        last = self.values("position")[size - 1 : size]
        return self.filter(position__lte=Coalesce(Subquery(last), _LAST_POSITION))

    def positioned_values(self) -> Iterator[tuple[int, revocation_set.Revocation]]:
        """Return each position and revocation.

        Raises ``MalformedFeed`` after the last if some rows are malformed.
        """
        malformed = []
        for pk, position, kind, subject, generation, expires_at in self.values_list(
            "pk", "position", "kind", "subject", "generation", "expires_at"
        ):
            try:
                revocation = _parse(kind, subject, generation, expires_at)
            except (TypeError, ValueError):
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
