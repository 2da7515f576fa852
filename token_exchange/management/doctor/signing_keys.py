"""Examination of the signing keys: the current one, the next one, and those still published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from token_exchange.conf import get_settings
from token_exchange.issuer.signing_keys import is_readable, needs_reencryption
from token_exchange.issuer.signing_keys.encryption import decrypt
from token_exchange.management.checks.signing_keys import (
    CANNOT_SIGN,
    CANNOT_SIGN_HINT,
    RESTORE,
    restore_or_replace,
)
from token_exchange.management.doctor.findings import ExaminationFailed, Finding, error, ok, warning
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange_core import keys

_GRACE: Final = timedelta(days=1)
"""The rotation task runs once a day, so a rotation may be this late."""


def examine(now: datetime) -> Iterator[Finding]:
    """Decrypt every published key, and sign twice with the current one."""
    rows = list(SigningKey.objects.on_writer().published(now=now))
    current = [row for row in rows if row.state(now=now) == KeyState.CURRENT]
    waiting = [row for row in rows if row.state(now=now) == KeyState.NEXT]
    signers = [*current[-1:], *waiting]
    if not signers:
        raise ExaminationFailed(
            error(
                "No signing key is active, so no token can be issued.",
                "Run: python manage.py rotate_signing_key",
            )
        )
    for row in rows:
        yield _key(row, is_needed=row in signers, now=now)
    yield from _choice(signers, now=now)
    if is_readable(signers[0]):
        yield _signatures(signers[0])


def _key(row: SigningKey, *, is_needed: bool, now: datetime) -> Finding:
    key = f"{row.kid} ({row.algorithm}) {_life(row, now=now)}"
    if not _has_public_key(row):
        return error(
            f"{key}; its public key is damaged, so its tokens are refused.",
            f"Restore the column public_jwk of {row._meta.db_table} from a backup. If it is lost, "
            f"run: python manage.py remove_signing_key {row.kid}",
        )
    if not is_readable(row):
        return _unreadable(row, key, is_needed=is_needed)
    if needs_reencryption(row):
        return warning(
            f"{key}; only a fallback secret can decrypt it.",
            "Before you remove that secret, run: python manage.py reencrypt_signing_keys",
        )
    return ok(f"{key}.")


def _life(row: SigningKey, *, now: datetime) -> str:
    match row.state(now=now):
        case KeyState.NEXT:
            return f"signs from {row.activates_at:%Y-%m-%d %H:%M} UTC"
        case KeyState.CURRENT:
            return f"has been signing since {row.activates_at:%Y-%m-%d %H:%M} UTC"
        case _:
            return f"retired on {row.retires_at:%Y-%m-%d %H:%M} UTC"


def _has_public_key(row: SigningKey) -> bool:
    try:
        return keys.VerificationKey.from_jwk(row.public_jwk).kid == row.kid
    except ValueError:
        return False


def _unreadable(row: SigningKey, key: str, *, is_needed: bool) -> Finding:
    if not is_needed:
        return warning(
            f"{key}; its private key cannot be decrypted, so auth tokens that it signed are "
            "replaced instead of reused.",
            RESTORE,
        )
    return error(
        f"{key}; its private key cannot be decrypted, so it cannot sign.",
        restore_or_replace(row.kid),
    )


def _choice(signers: Sequence[SigningKey], *, now: datetime) -> Iterator[Finding]:
    settings, newest = get_settings(), signers[-1]
    if newest.algorithm != settings.algorithm:
        yield warning(
            f"The newest key uses {newest.algorithm}, but TOKEN_EXCHANGE['ALGORITHM'] is "
            f"{settings.algorithm}.",
            "Run: python manage.py rotate_signing_key",
        )
    lifetime = settings.signing_key_lifetime
    if lifetime is not None and now > newest.activates_at + lifetime + _GRACE:
        yield warning(
            f"The newest key has been signing for {(now - newest.activates_at).days} days; "
            f"SIGNING_KEY_LIFETIME is {lifetime.days}.",
            "Run: python manage.py rotate_signing_key. Then let Celery beat run "
            "token_exchange.tasks.rotate_signing_keys every day.",
        )


def _signatures(row: SigningKey) -> Finding:
    if not keys.can_sign(row.algorithm):
        return error(CANNOT_SIGN, CANNOT_SIGN_HINT)
    key = decrypt(row)
    if key.sign("same") != key.sign("same"):
        return error(
            f"{row.algorithm} signatures of the same bytes differ, so a reused auth token changes "
            "with every request.",
            "Install a newer version of cryptography, with OpenSSL 3.2 or newer.",
        )
    return ok("Signing is deterministic.")
