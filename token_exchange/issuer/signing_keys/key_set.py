"""The current key set, cached for this process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import router
from django.utils import timezone

from token_exchange.database.per_schema import PerSchema
from token_exchange.database.process_cache import ProcessCache
from token_exchange.issuer.signing_keys.encryption import UnreadablePrivateKey, decrypt
from token_exchange.models import SigningKey
from token_exchange.models.cache_invalidation import (
    feed_changed,
    has_uncommitted_changes,
    sees_a_snapshot,
)
from token_exchange.models.feed_counter import Position, read_counter
from token_exchange.models.signing_key import KeyState
from token_exchange_core import keys
from token_exchange_core.event_log import log_event

KEY_SET_MAX_AGE_SECONDS: Final = 1
"""The maximum age of a process's key set. A process that verifies tokens notices a removal sooner,
with the revocations."""

_READ_EVERY: Final = timedelta(seconds=10)
"""The rows are read when the feed's position has changed or a key changes its state, and at least
this often, in case something else has written to the table."""


class _Published(NamedTuple):
    """A key set, and how long it is valid."""

    key_set: keys.KeySet
    counter: tuple[str, Position]
    """The feed's epoch and position, which change with every removal of a key."""
    read_at: datetime
    valid_until: datetime

    def is_valid(self, *, counter: tuple[str, Position], now: datetime) -> bool:
        return counter == self.counter and self.read_at <= now < self.valid_until


class _KeySetReader:
    """Reads the key set if it may have changed, and parses each key once.

    Parsing a key takes longer than a hundred signatures.
    """

    def __init__(self) -> None:
        self._known = keys.KeySet(())
        self._unreadable: frozenset[str] = frozenset()

    def __call__(self, before: _Published | None) -> _Published:
        found, now = read_counter(), timezone.now()
        counter = found.epoch, found.position
        if before is not None and before.is_valid(counter=counter, now=now):
            return before
        rows = list(SigningKey.objects.on_writer().published(now=now))
        changes_at = {at for row in rows for at in (row.activates_at, row.retires_at) if at}
        return _Published(
            key_set=self._parse(rows, now=now),
            counter=counter,
            read_at=now,
            valid_until=min({at for at in changes_at if at > now} | {now + _READ_EVERY}),
        )

    def _parse(self, rows: list[SigningKey], *, now: datetime) -> keys.KeySet:
        # Not from the previous value: a transaction that reads only for itself has none.
        known = self._known
        public = {row.kid: known.verification_key(row.kid) or _parse_public(row) for row in rows}
        private = {row.kid: known.signing_key(row.kid) or _parse_private(row) for row in rows}
        states = {row.kid: row.state(now=now) for row in rows}
        waiting = [kid for kid, state in states.items() if state == KeyState.NEXT]
        current = [kid for kid, state in states.items() if state == KeyState.CURRENT]
        self._log_unreadable({kid for kid in states if not (public[kid] and private[kid])})
        key_set = self._known = keys.KeySet(
            filter(None, public.values()),
            signing_keys=filter(None, private.values()),
            # If this clock is behind, there may be no current key, but one that signs next.
            current_kid=next(iter([*current[-1:], *waiting]), None),
            is_changing=bool(waiting),
        )
        return key_set  # Not self._known, which another thread may have replaced.

    def _log_unreadable(self, unreadable: set[str]) -> None:
        """Log each key with an unreadable half, once for as long as that is so."""
        for kid in sorted(unreadable - self._unreadable):
            log_event(logging.ERROR, "signing_key.unreadable", kid=kid)
        self._unreadable = frozenset(unreadable)


def _parse_public(row: SigningKey) -> keys.VerificationKey | None:
    try:
        key = keys.VerificationKey.from_jwk(row.public_jwk)
    except ValueError:
        # One corrupt row must not make the others unusable.
        return None
    return key if key.kid == row.kid else None


def _parse_private(row: SigningKey) -> keys.SigningKey | None:
    try:
        return decrypt(row)
    except UnreadablePrivateKey:
        # Its tokens can still be verified; only signing needs the private half.
        return None


def _using() -> str:
    return router.db_for_write(SigningKey)


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=_using())


def _sees_a_snapshot() -> bool:
    return sees_a_snapshot(using=_using())


def _max_age_seconds() -> float:
    return KEY_SET_MAX_AGE_SECONDS


def _new_cache() -> ProcessCache[_Published]:
    cache = ProcessCache(
        _KeySetReader(),
        name="key_set",
        max_age_seconds=_max_age_seconds,
        is_private=_has_uncommitted_changes,
        is_snapshot=_sees_a_snapshot,
    )
    feed_changed.connect(cache.expire)
    return cache


_caches = PerSchema(_new_cache, using=_using)


def key_set() -> keys.KeySet:
    """Return this process's key set, at most ``KEY_SET_MAX_AGE_SECONDS`` old."""
    return _caches.get().get().key_set


def key_set_reader() -> Callable[[], keys.KeySet]:
    """Return a ``key_set`` for the schema of this moment, which is not looked up again."""
    cache = _caches.get()
    return lambda: cache.get().key_set


def expire_key_set() -> None:
    """Make this process read the key set again at the next use."""
    _caches.get().expire()
