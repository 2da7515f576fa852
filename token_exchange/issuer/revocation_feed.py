"""The revocations in force: cached for this process, and in pages for followers.

Both read the feed from the last position that was reached; ``models.revocation_writer`` describes
why no reader misses a row that way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from django.db import router
from django.utils import timezone

from token_exchange.conf import get_settings
from token_exchange.database.compiled_queries import Select
from token_exchange.database.process_cache import ProcessCache
from token_exchange.issuer import signing_keys
from token_exchange.models import (
    Credential,
    Revocation,
    get_organization_model,
)
from token_exchange.models.cache_invalidation import (
    feed_changed,
    has_uncommitted_changes,
    sees_a_snapshot,
)
from token_exchange.models.revocation import MalformedFeed, RevocationQuerySet, read_counter
from token_exchange_core import process_state
from token_exchange_core.event_log import log_event
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import Revocation as CoreRevocation
from token_exchange_core.revocation_set import RevocationSet

PAGE_SIZE: Final = 5000
"""Revocations in one response to a follower, about 600 kB."""


class _LoggedRows(process_state.ProcessState):
    """The primary keys of malformed rows that have been logged, so that each is logged once."""

    def __init__(self) -> None:
        self.primary_keys: set[int] = set()
        super().__init__()

    def clear(self) -> None:
        self.primary_keys.clear()


_logged_rows: Final = _LoggedRows()


class _Progress(NamedTuple):
    """The position up to which the feed has been read, and the revocations up to there."""

    epoch: str
    position: int
    revocations: RevocationSet


def revocations() -> RevocationSet:
    """Return the revocations, read again if they are older than ``REVOCATION_MAX_AGE``.

    They always include what this process itself has revoked.
    """
    return _cache.get().revocations


def _read(before: _Progress | None) -> _Progress:
    """Read what came after ``before`` into the same set, or everything into a new one."""
    now = timezone.now()
    epoch, position = read_counter()
    if before is None or before.epoch != epoch:
        before = _Progress(epoch, 0, RevocationSet())
    elif before.position > position:
        if sees_a_snapshot(using=router.db_for_write(Revocation)):
            return before  # Another thread read it after this transaction began.
        # A backup was restored.
        before = _Progress(epoch, 0, RevocationSet())
    known = before.revocations
    if position != before.position:
        rows = Revocation.objects.on_writer().after(before.position, now=now)
        # If one of them is malformed, the others are added all the same, and read again next time.
        known.add(revocation for _, revocation in _parsed(rows))
        known.discard_expired(now=now.timestamp())
        # A key may have been published or removed.
        signing_keys.expire_key_set()
    known.inactive_organizations = _inactive_organizations()
    return _Progress(epoch, position, known)


def read_page(*, epoch: str, after: int, now: datetime, size: int = PAGE_SIZE) -> FeedPage:
    """Read what came after a follower's position, or everything if the position is unknown.

    The page is as of ``now``, which must not be later than the call. If there are more than
    ``size`` revocations, it contains the first of them, and all that share the last one's position.
    """
    # The counter first: whatever was committed up to its position is found by the later queries.
    current_epoch, position = read_counter()
    if epoch != current_epoch or after > position:
        after = 0
    feed = Revocation.objects.on_writer()
    rows = list(_parsed(feed.after(after, now=now).page(size)))
    reached = rows[-1][0] if rows else after
    has_more = len(rows) >= size and feed.after(reached, now=now).exists()
    return FeedPage(
        epoch=current_epoch,
        after=after,
        position=reached if has_more else max(position, reached),
        as_of=int(now.timestamp()),
        has_more=has_more,
        revocations=tuple(revocation for _, revocation in rows),
        inactive_organizations=_inactive_organizations(),
        inactive_users=_inactive_users(),
    )


def _parsed(rows: RevocationQuerySet) -> Iterator[tuple[int, CoreRevocation]]:
    """Return positions and revocations; logs each malformed row once, and raises."""
    try:
        yield from rows.positioned_values()
    except MalformedFeed as error:
        if unlogged := error.primary_keys - _logged_rows.primary_keys:
            _logged_rows.primary_keys.update(unlogged)
            log_event(logging.ERROR, "revocation.malformed", primary_keys=sorted(unlogged))
        raise


def _inactive_organizations() -> frozenset[str]:
    using = router.db_for_write(get_organization_model())
    return frozenset(str(pk) for (pk,) in _select_inactive_organizations().all(using=using))


@process_state.cached
def _select_inactive_organizations() -> Select:
    rows = get_organization_model()._base_manager.filter(is_active=False)
    return Select(rows.values_list("pk"))


def _inactive_users() -> frozenset[str]:
    owners = Credential.objects.on_writer().inactive_owners()
    return frozenset(map(str, owners))


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=router.db_for_write(Revocation))


def _max_age_seconds() -> float:
    return get_settings().revocation_max_age.total_seconds()


_cache = ProcessCache(
    _read,
    name="revocations",
    max_age_seconds=_max_age_seconds,
    is_private=_has_uncommitted_changes,
)


def _expire(**_: object) -> None:
    _cache.expire()


feed_changed.connect(_expire)
