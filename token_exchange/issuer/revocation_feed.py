"""The revocations in force: cached for this process, and in pages for followers.

Both read the feed from the last position that was reached; ``models.revocation_writer`` describes
why no reader misses a row that way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from django.db import router

from token_exchange.conf import get_settings
from token_exchange.database.compiled_queries import ComposedSelect
from token_exchange.database.per_schema import PerSchema
from token_exchange.database.process_cache import ProcessCache
from token_exchange.issuer import signing_keys
from token_exchange.models import (
    Credential,
    Revocation,
    get_organization_model,
    parents,
)
from token_exchange.models.cache_invalidation import (
    feed_changed,
    has_uncommitted_changes,
    sees_a_snapshot,
)
from token_exchange.models.feed_counter import (
    MARK_RETENTION,
    START,
    Counter,
    Position,
    read_counter,
)
from token_exchange.models.revocation import MalformedFeed, RevocationQuerySet
from token_exchange_core import process_state
from token_exchange_core.event_log import log_event
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import Revocation as CoreRevocation
from token_exchange_core.revocation_set import RevocationSet

PAGE_SIZE: Final = 5000
"""Revocations in one response to a follower, about 600 kB."""


class _Progress(NamedTuple):
    """The position up to which the feed has been read, and the revocations up to there."""

    epoch: str
    position: Position
    revocations: RevocationSet
    asked_at: float
    """When the database was asked, by the clock that only counts."""


def revocations() -> RevocationSet:
    """Return the revocations, read again if they are older than ``REVOCATION_MAX_AGE``.

    They always include what this process itself has revoked.
    """
    return _caches.get().get().revocations


def revocations_reader() -> Callable[[], RevocationSet]:
    """Return a ``revocations`` for the schema of this moment, which is not looked up again."""
    cache = _caches.get()
    return lambda: cache.get().revocations


def _read(before: _Progress | None) -> _Progress:
    """Read what came after ``before`` into the same set, or everything into a new one.

    After a failover or the restore of a backup, the database has lost the last revocations. Those
    that this process knows stay in force here until they expire.
    """
    asked_at = time.monotonic()
    counter = read_counter(START if before is None else before.position)
    if before is None or before.epoch != counter.epoch:
        known, after = RevocationSet(), START
    elif counter.is_known:
        known, after = before.revocations, before.position
    elif _sees_a_snapshot():
        return before  # Another thread read it after this transaction began.
    else:
        known, after = RevocationSet(), START
    has_more = counter.position.number != after.number
    if has_more:
        rows = Revocation.objects.on_writer().after(after.number)
        # If one is malformed, the others are added all the same, and read again next time.
        known.add(revocation for _, revocation in _parsers.get()(rows, counter))
        # A key may have been published or removed.
        signing_keys.expire_key_set()
    if before is not None and before.epoch == counter.epoch and not counter.is_known:
        _keep_lost(known, before, counter, asked_at=asked_at)
    if has_more:
        known.discard_expired(now=counter.clocks.earliest.timestamp())
    known.inactive_organizations = _inactive_organizations()
    return _Progress(counter.epoch, counter.position, known, asked_at)


def _keep_lost(
    known: RevocationSet, before: _Progress, counter: Counter, *, asked_at: float
) -> None:
    kept = known.keep(before.revocations)
    # The mark of a reader that has not asked for so long is gone without a fault.
    if asked_at - before.asked_at < MARK_RETENTION.total_seconds():
        log_event(
            logging.ERROR,
            "revocation.rewound",
            known_position=before.position.number,
            position=counter.position.number,
            kept=len(kept),
        )


def read_page(*, epoch: str, after: int, mark: str, size: int = PAGE_SIZE) -> FeedPage:
    """Read what came after a follower's position, or everything if the position is unknown.

    The page is as of the look at the counter, by the database's clock. If there are more than
    ``size`` revocations, it contains the first of them, and all that share the last one's position.
    """
    # The counter first: whatever was committed up to its position is found by the later queries.
    proof = _proof(mark)
    counter = read_counter(proof)
    if epoch != counter.epoch or not counter.is_known or after > proof.number:
        after = 0
    feed = Revocation.objects.on_writer()
    rows = list(_parsers.get()(feed.after(after).page(size), counter))
    reached = rows[-1][0] if rows else after
    has_more = len(rows) >= size and feed.after(reached).exists()
    # A row that was committed in between may have moved beyond the counter.
    last = counter.position if reached <= counter.position.number else read_counter().position
    return FeedPage(
        epoch=counter.epoch,
        after=after,
        position=reached if has_more else max(counter.position.number, reached),
        mark=f"{last.number}.{last.mark}",
        as_of=int(counter.clocks.database.timestamp()),
        has_more=has_more,
        revocations=tuple(revocation for _, revocation in rows),
        inactive_organizations=_inactive_organizations(),
        inactive_users=_inactive_users(),
    )


def _proof(mark: str) -> Position:
    """Return the position that a mark on the wire proves, at or beyond the follower's own.

    A follower that reads page by page reaches positions whose marks may be gone. What it shows is
    the counter of when the page was read: if that was never taken back, no earlier position was.
    """
    number, separator, rest = mark.partition(".")
    return Position(int(number), rest) if separator else START


class _RowParser:
    """Parses rows of the feed, and logs each malformed row once."""

    def __init__(self) -> None:
        self._logged: set[int] = set()

    def __call__(
        self, rows: RevocationQuerySet, counter: Counter
    ) -> Iterator[tuple[int, CoreRevocation]]:
        """Return positions and revocations; raises ``MalformedFeed`` after the last."""
        try:
            yield from rows.positioned_values(now=counter.clocks.earliest)
        except MalformedFeed as error:
            if unlogged := error.primary_keys - self._logged:
                self._logged.update(unlogged)
                log_event(logging.ERROR, "revocation.malformed", primary_keys=sorted(unlogged))
            raise


def _inactive_organizations() -> frozenset[str]:
    using = router.db_for_write(get_organization_model())
    return frozenset(str(pk) for (pk,) in _select_inactive_organizations().all(using=using))


@process_state.cached
def _select_inactive_organizations() -> ComposedSelect:
    return ComposedSelect(lambda: parents.refused_organizations().values_list("pk"))


def _inactive_users() -> frozenset[str]:
    owners = Credential.objects.on_writer().inactive_owners()
    return frozenset(map(str, owners))


def _using() -> str:
    return router.db_for_write(Revocation)


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=_using())


def _sees_a_snapshot() -> bool:
    return sees_a_snapshot(using=_using())


def _max_age_seconds() -> float:
    return get_settings().revocation_max_age.total_seconds()


def _new_cache() -> ProcessCache[_Progress]:
    cache = ProcessCache(
        _read,
        name="revocations",
        max_age_seconds=_max_age_seconds,
        is_private=_has_uncommitted_changes,
        is_snapshot=_sees_a_snapshot,
    )
    feed_changed.connect(cache.expire)
    return cache


_caches = PerSchema(_new_cache, using=_using)
_parsers = PerSchema(_RowParser, using=_using)
