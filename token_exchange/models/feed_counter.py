"""The counter of the revocation feed's positions, and the marks that prove a position.

A failover to a standby that had not received the last transactions, or the restore of a backup,
takes positions back, and they are drawn a second time. A reader that has reached one of them would
never see what is revoked at the positions below its own. So each position is drawn together with a
random mark. A reader shows the mark of the position that it has reached, and if the database does
not know the pair, the reader reads the whole feed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, NamedTuple, Self

from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import Exists, F, Func
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.database.clock import Clocks, DatabaseNow
from token_exchange.database.compiled_queries import Parameter, Select
from token_exchange.database.per_schema import PerSchema, SchemaWatch
from token_exchange.models.writer import WriterQuerySet
from token_exchange_core import process_state
from token_exchange_core.secret_strings import random_text

EPOCH_LENGTH: Final = 22
MARK_LENGTH: Final = 22

MARK_RETENTION: Final = timedelta(days=1)
"""How long a mark is kept after the next one was drawn. A reader that does not ask for so long
reads the whole feed."""


class RevocationFeed(models.Model):
    """The one row that counts positions."""

    ONLY_PK: ClassVar[int] = 1

    # Differs between databases: in a new one, positions start again and earlier copies are void.
    epoch = models.CharField(max_length=EPOCH_LENGTH, editable=False)
    position = models.PositiveBigIntegerField(editable=False)
    mark = models.CharField(max_length=MARK_LENGTH, editable=False)

    objects = WriterQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("revocation feed")
        verbose_name_plural = _("revocation feeds")

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}"


class MarkQuerySet(WriterQuerySet["RevocationFeedMark"]):
    """Marks."""

    def dead(self, *, now: datetime) -> Self:
        """Keep the marks that had been followed by another one ``MARK_RETENTION`` ago."""
        followers = self.filter(drawn_at__lt=now - MARK_RETENTION).order_by("-position")
        last = followers.values_list("position", flat=True).first()
        return self.none() if last is None else self.filter(position__lt=last)


class RevocationFeedMark(models.Model):
    """The mark of one position. Rows of the feed move to other positions, and these stay."""

    position = models.PositiveBigIntegerField(primary_key=True, editable=False)
    mark = models.CharField(max_length=MARK_LENGTH, editable=False)
    drawn_at = models.DateTimeField(db_index=True, editable=False)

    objects = MarkQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("revocation feed mark")
        verbose_name_plural = _("revocation feed marks")

    def __str__(self) -> str:
        return f"{self.position}:{self.mark}"


class Position(NamedTuple):
    """A position of the feed and its mark, which prove together how far a reader has read."""

    number: int
    mark: str


START: Final = Position(0, "")
"""Before the first revocation."""


class Counter(NamedTuple):
    """What one look at the counter tells a reader."""

    epoch: str
    position: Position
    """The last that was drawn."""
    is_known: bool
    """Whether the reader's own position was drawn in this database."""
    database_now: datetime | None
    """The time by the database's clock, if it has one of its own."""

    @property
    def clocks(self) -> Clocks:
        """The database's clock and this host's."""
        return Clocks.read(self.database_now)


def read_counter(reached: Position = START) -> Counter:
    """Return the counter as a reader finds it that has reached a position; one query on the writer.

    Without a row nothing has been revoked, and the epoch is empty. Raises ``SchemaChanged`` if
    another schema was found before where this one is expected.
    """
    found = _select_counter().first(using=_using(), position=reached.number, mark=reached.mark)
    if found is None:
        return Counter("", START, reached == START, None)
    epoch, number, mark, has_mark, database_now, schema = found
    _schemas.get().check(schema)
    last = Position(number, mark)
    # A mark beyond the counter is left over from before positions were taken back.
    is_known = reached == last or (bool(has_mark) and reached.number < number)
    return Counter(epoch, last, is_known, database_now)


def _using() -> str:
    return router.db_for_write(RevocationFeed)


_schemas = PerSchema(SchemaWatch, using=_using)


class _CurrentSchema(Func):
    """The schema in which PostgreSQL finds a table that is named without one; elsewhere NULL."""

    template = "NULL"
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CURRENT_SCHEMA()", **extra)


@process_state.cached
def _select_counter() -> Select:
    fields = RevocationFeedMark._meta
    marks = RevocationFeedMark.objects.filter(
        position=Parameter("position", fields.get_field("position")),
        mark=Parameter("mark", fields.get_field("mark")),
    )
    return Select(
        RevocationFeed.objects.values_list(
            "epoch", "position", "mark", Exists(marks), DatabaseNow(), _CurrentSchema()
        )
    )


def draw_position(*, using: str) -> tuple[int, Clocks]:
    """Draw the next position and its mark; return the position and the time.

    Locks the counter until the transaction ends.
    """
    mark = random_text(MARK_LENGTH)
    counter = RevocationFeed.objects.using(using).filter(pk=RevocationFeed.ONLY_PK)
    if not counter.update(position=F("position") + 1, mark=mark):
        ensure_counter(using=using)
        counter.update(position=F("position") + 1, mark=mark)
    number, database_now = counter.values_list("position", DatabaseNow()).get()
    clocks = Clocks.read(database_now)
    _write_mark(Position(number, mark), drawn_at=clocks.latest, using=using)
    return number, clocks


def _write_mark(position: Position, *, drawn_at: datetime, using: str) -> None:
    features = connections[using].features
    has_target = features.supports_update_conflicts_with_target
    # The row exists if positions were taken back by hand, and these rows were not.
    RevocationFeedMark.objects.using(using).bulk_create(
        [RevocationFeedMark(position=position.number, mark=position.mark, drawn_at=drawn_at)],
        update_conflicts=True,
        update_fields=["mark", "drawn_at"],
        unique_fields=["position"] if has_target else None,
    )


def ensure_counter(*, using: str) -> None:
    """Create the counter if it is missing; if two processes do so at once, one waits."""
    if RevocationFeed.objects.using(using).exists():
        return
    position = Position(0, random_text(MARK_LENGTH))
    counter = RevocationFeed(
        pk=RevocationFeed.ONLY_PK,
        epoch=random_text(EPOCH_LENGTH),
        position=position.number,
        mark=position.mark,
    )
    try:
        with transaction.atomic(using=using):
            counter.save(using=using, force_insert=True)
            _write_mark(position, drawn_at=timezone.now(), using=using)
    except IntegrityError:
        # Another transaction has created it.
        return
