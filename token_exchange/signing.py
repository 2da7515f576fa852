"""Which key signs now, and how does one follow another without anyone's tokens breaking?

A key is published first and signs later, so that every verifier has fetched it by then; it stays
published after its last signature until the last token it signed is dead.
"""

from __future__ import annotations

import base64
import contextlib
import logging
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.db import IntegrityError, router, transaction
from django.db.models import Max, Q
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import get_settings
from token_exchange.copies import Copy
from token_exchange.core import keys
from token_exchange.core.revocations import RevocationKind
from token_exchange.models import SigningKey
from token_exchange.models.revocation import feed_changed, has_uncommitted_changes, recording
from token_exchange.models.signing_key import KeyState, SigningKeyQuerySet
from token_exchange.signals import (
    announce,
    log_event,
    signing_key_published,
    signing_key_removed,
)

KEY_SET_MAX_AGE_SECONDS: Final = 1
"""How old a process's copy of the key set may become: the reach of ``--all-new``."""

CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far a verifier's clock, or its cache's, may be behind ours."""

_ENCRYPTION_LABEL: Final = b"token_exchange.signing_key_encryption.v1"


def _fernet() -> MultiFernet:
    secrets: tuple[str | bytes, ...] = get_settings().signing_key_encryption_keys or (
        django_settings.SECRET_KEY,
        *django_settings.SECRET_KEY_FALLBACKS,
    )
    return MultiFernet([Fernet(_derive(secret)) for secret in secrets])


def _derive(secret: str | bytes) -> bytes:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return base64.urlsafe_b64encode(HKDF(SHA256(), 32, None, _ENCRYPTION_LABEL).derive(raw))


def _read_key_set(before: keys.KeySet | None) -> keys.KeySet:
    """Read the key set; what was parsed before is parsed once."""
    now = utc_now()
    known = before or keys.KeySet(())
    rows = list(SigningKey.objects.on_writer().published(now=now))
    states = {row.kid: row.state(now=now) for row in rows}
    waiting = [kid for kid, state in states.items() if state == KeyState.NEXT]
    current = [kid for kid, state in states.items() if state == KeyState.CURRENT]
    return keys.KeySet(
        filter(None, (known.verification_key(row.kid) or _parse_public(row) for row in rows)),
        signing_keys=filter(None, (known.signing_key(row.kid) or _parse(row) for row in rows)),
        # A clock that is behind finds no key whose time has come, but one that will sign next.
        current_kid=next(iter([*current[-1:], *waiting]), None),
        is_changing=bool(waiting),
    )


def _parse_public(row: SigningKey) -> keys.VerificationKey | None:
    try:
        return keys.VerificationKey.from_jwk(row.public_jwk)
    except ValueError:
        # One row that somebody spoiled must not take the others with it.
        log_event(logging.ERROR, "signing_key.unreadable", kid=row.kid)
        return None


@sensitive_variables("der")
def _parse(row: SigningKey) -> keys.SigningKey | None:
    try:
        der = _fernet().decrypt(row.encrypted_private_key.encode())
        key = keys.SigningKey.from_private_bytes(der, algorithm=row.algorithm)
    except (InvalidToken, UnsupportedAlgorithm, ValueError, TypeError):
        key = None
    if key is None or key.kid != row.kid:
        # Its tokens still verify; only signing needs the private half.
        log_event(logging.ERROR, "signing_key.unreadable", kid=row.kid)
        return None
    return key


def _has_uncommitted_changes() -> bool:
    return has_uncommitted_changes(using=router.db_for_write(SigningKey))


def _max_age_seconds() -> float:
    return KEY_SET_MAX_AGE_SECONDS


# Parsing a key costs more than a hundred signatures.
_copy = Copy(
    _read_key_set,
    name="key_set",
    max_age_seconds=_max_age_seconds,
    is_private=_has_uncommitted_changes,
)


def forget_key_set() -> None:
    """Make this process read and parse the key set anew when it needs it next."""
    _copy.forget()


def expire_key_set() -> None:
    """Make this process read the key set again when it needs it next."""
    _copy.expire()


def is_readable(row: SigningKey) -> bool:
    """Tell whether the key's private half can be decrypted with the secrets of today."""
    return _parse(row) is not None


def key_set() -> keys.KeySet:
    """Return this process's key set, at most ``KEY_SET_MAX_AGE_SECONDS`` old."""
    return _copy.get()


def ensure_first_key(*, using: str, now: datetime) -> None:
    """Make the first signing key on the database ``using`` if there has never been one.

    For ``post_migrate``, which also runs after a flush: what this process knew of keys is void.
    """
    _copy.forget()
    if not SigningKey.objects.using(using).exists():
        with contextlib.suppress(SigningKeyConflict):
            _add_key(sequence=1, using=using, now=now, activates_at=now)


class SigningKeyConflict(Exception):
    """Another key was published too recently, or by another process at the same moment."""


def rotate_signing_key(*, now: datetime, by: Any = None, all_new: bool = False) -> SigningKey:
    """Publish a new signing key, which signs once every verifier can have fetched it.

    That is ``JWKS_MAX_AGE`` and a minute from ``now``; the key that signs today retires then. With
    ``all_new`` the new key signs at once and all others are removed, so that every token dies: for
    a key that leaked, or a database that was copied to another environment. Takes a transaction of
    its own. Raises ``SigningKeyConflict`` while a published key waits to sign.
    """
    using = router.db_for_write(SigningKey)
    activates_at = now if all_new else now + get_settings().jwks_max_age + CLOCK_SKEW
    # Drawn before the transaction, so that of two who rotate at once the second draws the same.
    newest = SigningKey.objects.using(using).aggregate(newest=Max("sequence"))["newest"] or 0
    with recording(using=using) as feed:
        others = SigningKey.objects.using(using).filter(removed_at=None)
        if all_new:
            others.update(removed_at=now, encrypted_private_key="")
            for key in SigningKey.objects.using(using).filter(removed_at=now):
                feed.end_all(RevocationKind.SIGNING_KEY, key.kid)
                announce(signing_key_removed, using=using, signing_key=key, by=by)
        else:
            others.filter(Q(retires_at=None) | Q(retires_at__gt=activates_at)).update(
                retires_at=activates_at
            )
            _refuse_while_one_waits(others, now=now)
        return _add_key(sequence=newest + 1, using=using, now=now, activates_at=activates_at, by=by)


def _refuse_while_one_waits(published: SigningKeyQuerySet, *, now: datetime) -> None:
    waiting = published.filter(activates_at__gt=now).first()
    if waiting is not None:
        raise SigningKeyConflict(
            _("Key %(kid)s is published and signs from %(time)s; rotate after that.")
            % {
                "kid": waiting.kid,
                "time": waiting.activates_at.isoformat(timespec="seconds"),
            }
        )


def _add_key(
    *, sequence: int, using: str, now: datetime, activates_at: datetime, by: Any = None
) -> SigningKey:
    made = keys.SigningKey.generate(get_settings().algorithm)
    key = SigningKey(
        sequence=sequence,
        kid=made.kid,
        algorithm=made.algorithm,
        public_jwk=dict(made.public.public_jwk),
        encrypted_private_key=_fernet().encrypt(made.private_bytes()).decode(),
        published_at=now,
        activates_at=activates_at,
    )
    try:
        with transaction.atomic(using=using):
            key.save(using=using, force_insert=True)
    except IntegrityError as error:
        raise SigningKeyConflict(_("Another process has just published a key.")) from error
    announce(signing_key_published, using=using, signing_key=key, by=by)
    return key


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"TOKEN_EXCHANGE", "SECRET_KEY", "SECRET_KEY_FALLBACKS"}:
        _copy.forget()


def _expire(**_: object) -> None:
    _copy.expire()


setting_changed.connect(_forget)
feed_changed.connect(_expire)
