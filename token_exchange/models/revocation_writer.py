"""Writing to the revocation feed, in the transaction of the change that revokes tokens.

Every process follows the feed: it remembers the last position that it has read, and asks for all
rows after it. So no row may ever appear at or below a position that has already been read.

Ids from a sequence do not guarantee that. Suppose that one transaction gets id 7 and another id 8,
and that the second commits first. A reader that comes now sees 8 and remembers it. Then the first
transaction commits, and the reader never sees row 7: a revoked token would stay valid there.

So positions come from a counter in a row of its own. A transaction that revokes tokens increments
it first, and the row stays locked until that transaction ends. The next one waits. This means:

1. Positions are committed in the order in which they were drawn. A reader that has reached a
   position has seen everything before it.
2. Transactions that revoke tokens run one after the other, so they should be short.
3. All of them lock the counter before any other row, so they cannot deadlock with each other.
4. A transaction that holds the counter makes all others wait. So it waits for other locks for
   ``LOCK_WAIT_SECONDS`` only, and for the counter itself for ``FEED_WAIT_SECONDS``; then it gives
   up, and the client is asked to try again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import models, transaction
from django.db.models import OuterRef, Subquery

from token_exchange.database.clock import Clocks
from token_exchange.database.lock_timeouts import WAIT_SECONDS, limited_lock_waits
from token_exchange.models.cache_invalidation import mark_changed
from token_exchange.models.feed_counter import EPOCH_LENGTH, RevocationFeed, draw_position
from token_exchange.models.revocation import Revocation
from token_exchange.models.signing_key import LONGEST_TOKEN_LIFETIME
from token_exchange_core.revocation_set import RevocationKind
from token_exchange_core.secret_strings import random_text

T = TypeVar("T")

MARGIN: Final = timedelta(minutes=15)
"""How much longer than the last token a row lives, in case a clock steps."""

FEED_WAIT_SECONDS: Final = WAIT_SECONDS
LOCK_WAIT_SECONDS: Final = 0.5

_BATCH_SIZE: Final = 500


class RevocationWriter:
    """Writes to the feed, beginning at the position that ``revoking`` has drawn.

    No position has more than ``_BATCH_SIZE`` rows, however much is revoked at once: followers get
    whole positions, and limit the size of a response.

    Rows are dated by the later of the database's clock and this host's, and left out only if
    both clocks call them expired: with a wrong clock, a row could be born expired.
    """

    def __init__(self, *, using: str, position: int, clocks: Clocks) -> None:
        self._using = using
        self._position = position
        self._clocks = clocks
        self._room = _BATCH_SIZE

    def revoke_tokens(self, tokens: Iterable[tuple[str, datetime]]) -> None:
        """Revoke tokens, given as pairs of ``jti`` and expiry; long expired ones are skipped."""
        now = self._clocks.earliest
        self._write(
            Revocation(kind=RevocationKind.TOKEN, subject=jti, expires_at=expires_at + MARGIN)
            for jti, expires_at in tokens
            if expires_at + MARGIN > now
        )

    def revoke_earlier_generations(self, credentials: models.QuerySet[Any]) -> None:
        """Revoke tokens of generations before each credential's own; all if it is revoked."""
        rows = credentials.using(self._using).values_list(
            "identifier", "generation", "revoked_at", _latest_token_expiry(credentials.model)
        )
        last_expiry = self._last_expiry()
        self._write(
            Revocation(
                kind=RevocationKind.CREDENTIAL,
                subject=identifier,
                generation=generation - 1 if revoked_at is None else None,
                # A token that a host with a wrong clock issued can live longer than any other.
                expires_at=last_expiry if latest is None else max(last_expiry, latest + MARGIN),
            )
            for identifier, generation, revoked_at, latest in rows
        )

    def revoke_all(self, kind: RevocationKind, subject: str) -> None:
        """Revoke every token of a credential, user or signing key."""
        self._write([Revocation(kind=kind, subject=subject, expires_at=self._last_expiry())])

    def start_new_epoch(self) -> None:
        """Make every reader read the whole feed again.

        After a backup has been restored, positions are drawn a second time. A reader that did not
        notice would skip rows at positions that it has read before.
        """
        feed = RevocationFeed.objects.using(self._using).filter(pk=RevocationFeed.ONLY_PK)
        feed.update(epoch=random_text(EPOCH_LENGTH))

    def _last_expiry(self) -> datetime:
        return self._clocks.latest + LONGEST_TOKEN_LIFETIME + MARGIN

    def _write(self, rows: Iterable[Revocation]) -> None:
        feed = Revocation.objects.using(self._using)
        for batch in batched(rows):
            if len(batch) > self._room:
                self._position, self._clocks = draw_position(using=self._using)
                self._room = _BATCH_SIZE
            self._room -= len(batch)
            for row in batch:
                row.position = self._position
            # No other transaction writes at the same time: the feed is locked.
            feed.filter(kind=batch[0].kind, subject__in=[row.subject for row in batch]).delete()
            feed.bulk_create(batch)


def _latest_token_expiry(credential_model: Any) -> Subquery:
    tokens = credential_model._meta.get_field("access_tokens").related_model._base_manager
    latest = tokens.filter(credential=OuterRef("pk")).order_by("-expires_at")
    return Subquery(latest.values("expires_at")[:1])


@contextmanager
def revoking(*, using: str) -> Iterator[RevocationWriter]:
    """Open a transaction that revokes tokens, on the database ``using``.

    Locks the feed first, until the outermost transaction ends. Do not lock other rows before.
    Raises ``OperationalError`` if a lock cannot be had in time.
    """
    with transaction.atomic(using=using), limited_lock_waits(using=using) as limit:
        mark_changed(using=using)
        limit(FEED_WAIT_SECONDS)
        position, clocks = draw_position(using=using)
        limit(LOCK_WAIT_SECONDS)
        yield RevocationWriter(using=using, position=position, clocks=clocks)


def batched(values: Iterable[T]) -> Iterator[list[T]]:
    """Split the values into lists that fit into one statement; reads all of them first."""
    pending = list(values)
    for start in range(0, len(pending), _BATCH_SIZE):
        yield pending[start : start + _BATCH_SIZE]
