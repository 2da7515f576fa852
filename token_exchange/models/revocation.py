"""What has been revoked, in an order that no reader can miss a part of?

Every row has a position, which is drawn by an UPDATE of one counting row. That row stays locked
until the transaction ends, so positions are committed in their order, and whoever has read up to a
position has read all that came before it. Ids that a sequence gives out do not have that: a lower
one may be committed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Final, Self, TypeVar

from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import F, Subquery
from django.db.models.functions import Coalesce
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.core import revocations
from token_exchange.core.errors import TemporarilyUnavailable
from token_exchange.core.revocations import RevocationKind
from token_exchange.core.secret_strings import random_text
from token_exchange.models.querysets import WriterQuerySet
from token_exchange.models.signing_key import LONGEST_TOKEN_LIFETIME
from token_exchange.statements import Select

T = TypeVar("T")

MARGIN: Final = timedelta(minutes=15)
"""How much longer than the last token that it concerns a row lives, for clocks that step."""

EPOCH_LENGTH: Final = 22
_BATCH_SIZE: Final = 500
_LAST_POSITION: Final = models.BigIntegerField.MAX_BIGINT

feed_changed = Signal()
"""This process has changed what copies of the database say: sent at once, and after the commit."""


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

    def positioned_values(self) -> Iterator[tuple[int, revocations.Revocation]]:
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
) -> revocations.Revocation:
    # SQLite keeps whatever it is given, in a column of any type.
    if expires_at is None or not isinstance(generation, int | None):
        raise TypeError("a column holds what is not of its type")
    return revocations.Revocation(
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


class Recorder:
    """Writes to the feed, from the position that ``recording`` has drawn.

    However much is ended at once, no position has more than ``_BATCH_SIZE`` rows: a follower is
    sent whole positions, and takes no answer of any size.
    """

    def __init__(self, *, using: str, position: int) -> None:
        self._using = using
        self._position = position
        self._room = _BATCH_SIZE

    def end_tokens(self, tokens: Iterable[tuple[str, datetime]]) -> None:
        """End the tokens with these ids and expiries; of those that are long dead nobody asks."""
        now = timezone.now()
        self._write(
            Revocation(kind=RevocationKind.TOKEN, subject=jti, expires_at=expires_at + MARGIN)
            for jti, expires_at in tokens
            if expires_at + MARGIN > now
        )

    def end_generations_before(self, credentials: models.QuerySet[Any]) -> None:
        """End what was minted in the generations before each credential's own, all if revoked."""
        rows = credentials.using(self._using).values_list("identifier", "generation", "revoked_at")
        self._write(
            Revocation(
                kind=RevocationKind.CREDENTIAL,
                subject=identifier,
                generation=generation - 1 if revoked_at is None else None,
                expires_at=_last_expiry(),
            )
            for identifier, generation, revoked_at in rows
        )

    def end_all(self, kind: RevocationKind, subject: str) -> None:
        """End every token of this credential, user or signing key."""
        self._write([Revocation(kind=kind, subject=subject, expires_at=_last_expiry())])

    def begin_anew(self) -> None:
        """Make everybody read all of the feed, however far they have read.

        After a restoration positions are counted a second time. Whoever has slept meanwhile would
        take them for those that are known.
        """
        feed = RevocationFeed.objects.using(self._using).filter(pk=RevocationFeed.ONLY_PK)
        feed.update(epoch=random_text(EPOCH_LENGTH))

    def _write(self, rows: Iterable[Revocation]) -> None:
        feed = Revocation.objects.using(self._using)
        for batch in batched(rows):
            if len(batch) > self._room:
                self._position, self._room = _next_position(using=self._using), _BATCH_SIZE
            self._room -= len(batch)
            for row in batch:
                row.position = self._position
            # Nobody else writes here meanwhile: the feed is locked.
            feed.filter(kind=batch[0].kind, subject__in=[row.subject for row in batch]).delete()
            feed.bulk_create(batch)


@contextmanager
def recording(*, using: str) -> Iterator[Recorder]:
    """Open a transaction that ends tokens, on the database ``using``.

    The feed is locked first and until the outermost transaction ends: whoever ends tokens waits for
    the others here, before touching a row, and so never in a circle.
    """
    with transaction.atomic(using=using):
        mark_changed(using=using)
        yield Recorder(using=using, position=_next_position(using=using))


def batched(values: Iterable[T]) -> Iterator[list[T]]:
    """Return the values, all read at once, in lists that fit into one statement."""
    pending = list(values)
    for start in range(0, len(pending), _BATCH_SIZE):
        yield pending[start : start + _BATCH_SIZE]


def mark_changed(*, using: str) -> None:
    """Make this process read its copies anew, now and once the transaction has committed."""
    _send_changed()
    transaction.on_commit(_send_changed, using=using)


def has_uncommitted_changes(*, using: str) -> bool:
    """Tell whether this thread sees changes in the database that are not committed yet."""
    # Django forgets these when the transaction, or the savepoint, is rolled back.
    return any(entry[1] is _send_changed for entry in connections[using].run_on_commit)


def sees_a_snapshot(*, using: str) -> bool:
    """Tell whether this thread may see the database as it was when its transaction began."""
    connection = connections[using]
    level = getattr(connection, "isolation_level", None)
    name = str(getattr(level, "name", level)).upper().replace(" ", "_")
    return connection.in_atomic_block and name != "READ_COMMITTED"


def _send_changed() -> None:
    feed_changed.send(sender=None)


def _last_expiry() -> datetime:
    return timezone.now() + LONGEST_TOKEN_LIFETIME + MARGIN


def _next_position(*, using: str) -> int:
    feed = RevocationFeed.objects.using(using).filter(pk=RevocationFeed.ONLY_PK)
    if not feed.update(position=F("position") + 1):
        _start_feed(using=using)
        feed.update(position=F("position") + 1)
    return feed.values_list("position", flat=True).get()


def _start_feed(*, using: str) -> None:
    """Begin to count; of two who do so at once one waits for the other here."""
    first = RevocationFeed(pk=RevocationFeed.ONLY_PK, epoch=random_text(EPOCH_LENGTH), position=0)
    try:
        with transaction.atomic(using=using):
            first.save(using=using, force_insert=True)
    except IntegrityError:
        # It is there now.
        return
