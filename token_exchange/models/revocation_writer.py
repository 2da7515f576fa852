"""How is the end of tokens written into the feed, together with what ends them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from token_exchange.models.cache_invalidation import mark_changed
from token_exchange.models.revocation import EPOCH_LENGTH, Revocation, RevocationFeed
from token_exchange.models.signing_key import LONGEST_TOKEN_LIFETIME
from token_exchange_core.revocation_set import RevocationKind
from token_exchange_core.secret_strings import random_text

T = TypeVar("T")

MARGIN: Final = timedelta(minutes=15)
"""How much longer than the last token that it concerns a row lives, for clocks that step."""

_BATCH_SIZE: Final = 500


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
