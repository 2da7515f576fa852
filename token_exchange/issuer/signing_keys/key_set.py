"""Which keys does this process sign and verify with, and how old may its copy of them be?"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.core.signals import setting_changed
from django.db import router
from django.utils import timezone

from token_exchange.database.process_cache import Copy
from token_exchange.issuer.signing_keys.encryption import UnreadablePrivateKey, decrypt
from token_exchange.models import SigningKey
from token_exchange.models.cache_invalidation import feed_changed, has_uncommitted_changes
from token_exchange.models.revocation import read_counter
from token_exchange.models.signing_key import KeyState
from token_exchange_core import keys
from token_exchange_core.event_log import log_event

KEY_SET_MAX_AGE_SECONDS: Final = 1
"""How old a process's copy of the key set may become: how far a removal reaches, where nothing is
verified that would tell of it sooner."""

_READ_EVERY: Final = timedelta(seconds=10)
"""The rows are read when the feed has moved or a key's time has come, and this often in any case,
for what was written past the verbs."""


class _Published(NamedTuple):
    """The key set, and for how long it is certain to be that."""

    key_set: keys.KeySet
    counter: tuple[str, int]
    """How far the feed had come, which every verb that changes a key moves."""
    read_at: datetime
    good_until: datetime

    def still_holds(self, *, counter: tuple[str, int], now: datetime) -> bool:
        return counter == self.counter and self.read_at <= now < self.good_until


class _Reader:
    """Reads the key set where it may have changed, and parses each key once.

    To parse one costs more than a hundred signatures.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._known = keys.KeySet(())
        self._unreadable: frozenset[str] = frozenset()

    def __call__(self, before: _Published | None) -> _Published:
        counter, now = read_counter(), timezone.now()
        if before is not None and before.still_holds(counter=counter, now=now):
            return before
        rows = list(SigningKey.objects.on_writer().published(now=now))
        changes_at = {at for row in rows for at in (row.activates_at, row.retires_at) if at}
        return _Published(
            key_set=self._parse(rows, now=now),
            counter=counter,
            read_at=now,
            good_until=min({at for at in changes_at if at > now} | {now + _READ_EVERY}),
        )

    def _parse(self, rows: list[SigningKey], *, now: datetime) -> keys.KeySet:
        # Not from the value before: a transaction that reads for itself alone has none.
        known = self._known
        public = {row.kid: known.verification_key(row.kid) or _parse_public(row) for row in rows}
        private = {row.kid: known.signing_key(row.kid) or _parse_private(row) for row in rows}
        states = {row.kid: row.state(now=now) for row in rows}
        waiting = [kid for kid, state in states.items() if state == KeyState.NEXT]
        current = [kid for kid, state in states.items() if state == KeyState.CURRENT]
        self._tell_of({kid for kid in states if not (public[kid] and private[kid])})
        key_set = self._known = keys.KeySet(
            filter(None, public.values()),
            signing_keys=filter(None, private.values()),
            # A clock that is behind finds no key whose time has come, but one that will sign next.
            current_kid=next(iter([*current[-1:], *waiting]), None),
            is_changing=bool(waiting),
        )
        return key_set  # another thread may have read something else by now

    def _tell_of(self, unreadable: set[str]) -> None:
        """Log each of which a half cannot be read, once as long as that is so."""
        for kid in sorted(unreadable - self._unreadable):
            log_event(logging.ERROR, "signing_key.unreadable", kid=kid)
        self._unreadable = frozenset(unreadable)


def _parse_public(row: SigningKey) -> keys.VerificationKey | None:
    try:
        key = keys.VerificationKey.from_jwk(row.public_jwk)
    except ValueError:
        # One row that somebody spoiled must not take the others with it.
        return None
    return key if key.kid == row.kid else None


def _parse_private(row: SigningKey) -> keys.SigningKey | None:
    try:
        return decrypt(row)
    except UnreadablePrivateKey:
        # Its tokens still verify; only signing needs the private half.
        return None


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=router.db_for_write(SigningKey))


def _max_age_seconds() -> float:
    return KEY_SET_MAX_AGE_SECONDS


_read = _Reader()
_copy = Copy(
    _read,
    name="key_set",
    max_age_seconds=_max_age_seconds,
    is_private=_has_uncommitted_changes,
)


def key_set() -> keys.KeySet:
    """Return this process's key set, at most ``KEY_SET_MAX_AGE_SECONDS`` old."""
    return _copy.get().key_set


def forget_key_set() -> None:
    """Make this process read and parse the key set anew when it needs it next."""
    _read.forget()
    _copy.forget()


def expire_key_set() -> None:
    """Make this process read the key set again when it needs it next."""
    _copy.expire()


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"TOKEN_EXCHANGE", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}:
        forget_key_set()


def _expire(**_: object) -> None:
    _copy.expire()


setting_changed.connect(_forget)
feed_changed.connect(_expire)
