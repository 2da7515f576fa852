"""What is revoked or inactive at this moment?

As far as this process may say without asking, for itself; and by asking, for those who follow from
elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from django.db import router
from django.utils import timezone

from token_exchange.conf import get_settings
from token_exchange.database.compiled_queries import Select
from token_exchange.database.process_cache import Copy
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
from token_exchange_core.event_log import log_event
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import Revocation as CoreRevocation
from token_exchange_core.revocation_set import RevocationSet

_told: Final[set[int]] = set()
"""The primary keys of malformed rows of which the log knows."""

PAGE_SIZE: Final = 5000
"""How many revocations a follower is told at once: some 600 kB."""


class _Followed(NamedTuple):
    """How far the feed has been read, and what came of it."""

    epoch: str
    position: int
    revocations: RevocationSet


def revocations() -> RevocationSet:
    """Return what is revoked, at most ``REVOCATION_MAX_AGE`` old; asks the database if it is older.

    What this process itself has revoked is always in it.
    """
    return _copy.get().revocations


def _read(before: _Followed | None) -> _Followed:
    """Read what has come since ``before``, into the same set, or all of it into a new one."""
    now = timezone.now()
    epoch, position = read_counter()
    if before is None or before.epoch != epoch:
        before = _Followed(epoch, 0, RevocationSet())
    elif before.position > position:
        if sees_a_snapshot(using=router.db_for_write(Revocation)):
            return before  # which another thread has read, after this transaction began
        # A backup has been restored.
        before = _Followed(epoch, 0, RevocationSet())
    known = before.revocations
    if position != before.position:
        rows = Revocation.objects.on_writer().after(before.position, now=now)
        # Also if one of them is malformed: all others count, and are read again until it is not.
        known.add(revocation for _, revocation in _understood(rows))
        known.forget_expired(now=now.timestamp())
        # A key may have been published or removed.
        signing_keys.expire_key_set()
    known.inactive_organizations = _inactive_organizations()
    return _Followed(epoch, position, known)


def read_page(*, epoch: str, after: int, now: datetime, size: int = PAGE_SIZE) -> FeedPage:
    """Read what came after the position that a follower has reached, or all if we know it not.

    It is as of ``now``, which must not be later than the call. Of more than ``size`` revocations
    the first are read, and with the last of them all that share its position.
    """
    # First of all: what was committed up to this position is in each answer that follows.
    current_epoch, position = read_counter()
    if epoch != current_epoch or after > position:
        after = 0
    feed = Revocation.objects.on_writer()
    rows = list(_understood(feed.after(after, now=now).page(size)))
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


def _understood(rows: RevocationQuerySet) -> Iterator[tuple[int, CoreRevocation]]:
    """Return the rows' values; tells the log of each malformed one once, and raises."""
    try:
        yield from rows.positioned_values()
    except MalformedFeed as error:
        if untold := error.primary_keys - _told:
            _told.update(untold)
            log_event(logging.ERROR, "revocation.malformed", primary_keys=sorted(untold))
        raise


def _inactive_organizations() -> frozenset[str]:
    using = router.db_for_write(get_organization_model())
    return frozenset(str(pk) for (pk,) in _select_inactive_organizations().all(using=using))


@cache
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


_copy = Copy(
    _read,
    name="revocations",
    max_age_seconds=_max_age_seconds,
    is_private=_has_uncommitted_changes,
)


def forget_revocations() -> None:
    """Make this process read all of the feed anew when it needs it next."""
    _told.clear()
    _copy.forget()


def _expire(**_: object) -> None:
    _copy.expire()


feed_changed.connect(_expire)
