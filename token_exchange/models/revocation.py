"""What has been revoked, in an order that no reader can miss a part of?

Every row has a position, which is drawn by an UPDATE of one counting row. That row stays locked
until the transaction ends, so positions are committed in their order, and whoever has read up to a
position has read all that came before it. Ids that a sequence gives out do not have that: a lower
one may be committed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Final, Self

from django.db import models, router
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from token_exchange.database.compiled_queries import Select
from token_exchange.models.writer import WriterQuerySet
from token_exchange_core import revocation_set
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.revocation_set import RevocationKind

EPOCH_LENGTH: Final = 22
_LAST_POSITION: Final = models.BigIntegerField.MAX_BIGINT


class RevocationFeed(models.Model):
    """The one row that counts positions."""

    ONLY_PK: ClassVar[int] = 1

    # A database that was made anew counts from the beginning; what was known of it is void.
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
    """Return the epoch and the position that the feed has reached; one query on the writer."""
    found = _select_counter().first(using=router.db_for_write(RevocationFeed))
    # Where nothing has ever been revoked there is no row.
    return ("", 0) if found is None else (found[0], found[1])


@cache
def _select_counter() -> Select:
    return Select(RevocationFeed.objects.values_list("epoch", "position"))


class RevocationQuerySet(WriterQuerySet["Revocation"]):
    """What has been revoked."""

    def after(self, position: int, *, now: datetime) -> Self:
        """Keep what concerns those who have read up to ``position``, in the order of positions."""
        return self.filter(position__gt=position, expires_at__gt=now).order_by("position", "pk")

    def page(self, size: int) -> Self:
        """Keep the first ``size`` rows, and what else has the position of the last of them.

        That position is part of the same statement, because whatever is revoked a second time moves
        to the end: between two statements a row could leave the page and be in neither.
        """
        last = self.values("position")[size - 1 : size]
        return self.filter(position__lte=Coalesce(Subquery(last), _LAST_POSITION))

    def positioned_values(self) -> Iterator[tuple[int, revocation_set.Revocation]]:
        """Return what verifiers need to know of each, and its position.

        Raises ``MalformedFeed`` after the last, if some of them were not to be understood.
        """
        malformed = []
        for pk, position, kind, subject, generation, expires_at in self.values_list(
            "pk", "position", "kind", "subject", "generation", "expires_at"
        ):
            try:
                revocation = _understand(kind, subject, generation, expires_at)
            except (TypeError, ValueError):
                malformed.append(pk)
            else:
                yield position, revocation
        if malformed:
            raise MalformedFeed(malformed)


class MalformedFeed(TemporarilyUnavailable):
    """Rows of the feed say what this version of the code does not understand.

    What they end is not known, so that nothing can be relied on while they are there.
    """

    def __init__(self, primary_keys: Iterable[int]) -> None:
        super().__init__(reason="feed_malformed")
        self.primary_keys = frozenset(primary_keys)


def _understand(
    kind: str, subject: str, generation: int | None, expires_at: datetime | None
) -> revocation_set.Revocation:
    # SQLite keeps whatever it is given, in a column of any type.
    if expires_at is None or not isinstance(generation, int | None):
        raise TypeError("a column holds what is not of its type")
    return revocation_set.Revocation(
        kind=RevocationKind(kind),
        subject=subject,
        generation=generation,
        expires_at=int(expires_at.timestamp()),
    )


class Revocation(models.Model):
    """One row of the feed: plain values, for what they name may be purged before them."""

    kind = models.CharField(_("kind"), max_length=11, editable=False)
    subject = models.CharField(_("subject"), max_length=255, editable=False)
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
            # One row a subject is enough: a later generation covers those before.
            models.UniqueConstraint(fields=["kind", "subject"], name="token_exchange_revoked")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
