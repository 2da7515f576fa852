"""Creation, scheduled rotation and immediate removal of signing keys."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, router, transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from token_exchange.conf import get_settings
from token_exchange.database.retries import retried
from token_exchange.issuer.signing_keys.encryption import encrypt, is_readable
from token_exchange.models import SigningKey
from token_exchange.models.revocation_writer import RevocationWriter, revoking
from token_exchange.models.signing_key import SigningKeyQuerySet
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import signing_key_published, signing_key_removed
from token_exchange_core import keys
from token_exchange_core.event_log import log_event
from token_exchange_core.revocation_set import RevocationKind

CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far the clock of a verifier or a cache may be behind ours."""


class SigningKeyConflict(Exception):
    """The keys are not in a state that allows this operation."""


def ensure_first_key(*, using: str, act: Act) -> None:
    """Create the first signing key on the database ``using`` if there has never been one."""
    if not SigningKey.objects.using(using).exists():
        with contextlib.suppress(SigningKeyConflict):
            _add_key(sequence=1, using=using, activates_at=act.now, act=act)


@retried
def rotate_signing_key(*, all_new: bool = False, act: Act | None = None) -> SigningKey:
    """Publish a new signing key, which starts signing once every verifier can have fetched it.

    That is ``JWKS_MAX_AGE`` and a minute from now; then the current key retires. With ``all_new``
    the new key signs immediately and all others are removed, which invalidates every token: for a
    database that was restored, or copied to another environment. Opens a transaction. Raises
    ``SigningKeyConflict`` while a published key does not sign yet.
    """
    act = act or Act()
    now = act.now
    using = router.db_for_write(SigningKey)
    activates_at = now if all_new else now + get_settings().jwks_max_age + CLOCK_SKEW
    # Before the transaction: two processes that rotate at once get the same number, and the second
    # is refused.
    sequence = _next_sequence(using=using)
    with revoking(using=using) as feed:
        rows = SigningKey.objects.using(using)
        if all_new:
            feed.start_new_epoch()
            _remove(rows.published(now=now), feed, using=using, act=act)
        else:
            _refuse_while_one_waits(rows, now=now)
            not_retired = rows.filter(Q(retires_at=None) | Q(retires_at__gt=activates_at))
            not_retired.filter(removed_at=None).update(retires_at=activates_at)
        rows.delete_gone(now=now)
        return _add_key(sequence=sequence, using=using, activates_at=activates_at, act=act)


@retried
def remove_signing_key(kid: str, *, act: Act | None = None) -> SigningKey:
    """Remove a key that leaked and revoke every token it signed; return the key that signs now.

    If the current key is removed, the next key takes over immediately, or else a new one. If the
    next key is removed, the current key keeps signing. Verifiers with an older copy of the keys
    refuse a new key's tokens until they have fetched it. Opens a transaction. Raises
    ``SigningKeyConflict`` if there is no such key, or it is gone.
    """
    act = act or Act()
    now = act.now
    using = router.db_for_write(SigningKey)
    with revoking(using=using) as feed:
        rows = SigningKey.objects.using(using)
        leaked = rows.published(now=now).filter(kid=kid)
        if not leaked.exists():
            raise SigningKeyConflict(_("No published key has this id: %(kid)s.") % {"kid": kid})
        _remove(leaked, feed, using=using, act=act)
        successors = rows.published(now=now).exclude(retires_at__lte=now)
        successor, last = successors.first(), successors.last()
        if successor is None or last is None:
            sequence = _next_sequence(using=using)
            return _add_key(sequence=sequence, using=using, activates_at=now, act=act)
        rows.filter(pk=successor.pk, activates_at__gt=now).update(activates_at=now)
        rows.filter(pk=last.pk).update(retires_at=None)
        successor.refresh_from_db(using=using)
        return successor


def tend_signing_keys(*, act: Act) -> SigningKey | None:
    """Rotate if the key has signed for ``SIGNING_KEY_LIFETIME``, and delete keys that are gone.

    Returns the key that was published, if any. Does not rotate if the current key cannot be read: a
    process with a different ``SECRET_KEY`` must not publish a key that the others cannot decrypt.
    """
    now = act.now
    SigningKey.objects.on_writer().delete_gone(now=now)
    lifetime = get_settings().signing_key_lifetime
    newest = SigningKey.objects.on_writer().published(now=now).last()
    if lifetime is None or newest is None or now < newest.activates_at + lifetime:
        return None
    if not is_readable(newest):
        log_event(logging.ERROR, "signing_key.unreadable", kid=newest.kid)
        return None
    try:
        return rotate_signing_key(act=act)
    except SigningKeyConflict:  # Another process was faster.
        return None


def _refuse_while_one_waits(rows: SigningKeyQuerySet, *, now: datetime) -> None:
    waiting = rows.filter(removed_at=None, activates_at__gt=now).first()
    if waiting is not None:
        raise SigningKeyConflict(
            _("Key %(kid)s is published and signs from %(time)s; rotate after that.")
            % {
                "kid": waiting.kid,
                "time": waiting.activates_at.isoformat(timespec="seconds"),
            }
        )


def _remove(rows: SigningKeyQuerySet, feed: RevocationWriter, *, using: str, act: Act) -> None:
    # Select the rows once: after the update they no longer match.
    kids = list(rows.values_list("kid", flat=True))
    removed = SigningKey.objects.using(using).filter(kid__in=kids)
    removed.update(removed_at=act.now, encrypted_private_key="")
    for key in removed.order_by("sequence"):
        feed.revoke_all(RevocationKind.SIGNING_KEY, key.kid)
        act.record(audit.Event.SIGNING_KEY_REMOVED, audit.signing_key_target(key), using=using)
        act.announce(signing_key_removed, using=using, signing_key=key)


def _next_sequence(*, using: str) -> int:
    newest = SigningKey.objects.using(using).aggregate(newest=Max("sequence"))["newest"]
    return (newest or 0) + 1


def _add_key(*, sequence: int, using: str, activates_at: datetime, act: Act) -> SigningKey:
    made = keys.SigningKey.generate(get_settings().algorithm)
    key = SigningKey(
        sequence=sequence,
        kid=made.kid,
        algorithm=made.algorithm,
        public_jwk=dict(made.public.public_jwk),
        encrypted_private_key=encrypt(made),
        published_at=act.now,
        activates_at=activates_at,
    )
    try:
        with transaction.atomic(using=using):
            key.save(using=using, force_insert=True)
            act.record(
                audit.Event.SIGNING_KEY_PUBLISHED,
                audit.signing_key_target(key),
                using=using,
                details={
                    "algorithm": key.algorithm,
                    "signs_from": key.activates_at.isoformat(timespec="seconds"),
                },
            )
    except IntegrityError as error:
        raise SigningKeyConflict(_("Another process has just published a key.")) from error
    act.announce(signing_key_published, using=using, signing_key=key)
    return key
