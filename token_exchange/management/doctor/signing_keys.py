"""Can tokens be signed, now and when the next key's time has come?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from token_exchange.conf import get_settings
from token_exchange.issuer.signing_keys import is_readable, needs_reencryption
from token_exchange.issuer.signing_keys.encryption import decrypt
from token_exchange.management.doctor.findings import Fault, Finding, error, ok, warning
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange_core import keys

_LATE: Final = timedelta(days=1)
"""How long a key may wait for a task that runs once a day."""

_RESTORE: Final = (
    "Restore the secret it was made with: SECRET_KEY, perhaps in SECRET_KEY_FALLBACKS, or "
    "SIGNING_KEY_ENCRYPTION_KEYS."
)


def examine(now: datetime) -> Iterator[Finding]:
    """Read every published key as whoever signs does, and sign twice with the one of today."""
    rows = list(SigningKey.objects.on_writer().published(now=now))
    current = [row for row in rows if row.state(now=now) == KeyState.CURRENT]
    waiting = [row for row in rows if row.state(now=now) == KeyState.NEXT]
    signers = [*current[-1:], *waiting]
    if not signers:
        raise Fault(
            error(
                "No key signs, so no token is issued.", "Run: python manage.py rotate_signing_key"
            )
        )
    for row in rows:
        yield _key(row, is_needed=row in signers, now=now)
    yield from _choice(signers, now=now)
    if is_readable(signers[0]):
        yield _signatures(signers[0])


def _key(row: SigningKey, *, is_needed: bool, now: datetime) -> Finding:
    told = f"{row.kid} ({row.algorithm}) {_life(row, now=now)}"
    if not _has_public_half(row):
        return error(
            f"{told}; its public half is spoiled, so its tokens are refused.",
            f"Restore the column public_jwk of {row._meta.db_table} from a backup. If it is lost, "
            f"run: python manage.py remove_signing_key {row.kid}",
        )
    if not is_readable(row):
        return _unreadable(row, told, is_needed=is_needed)
    if needs_reencryption(row):
        return warning(
            f"{told}; only a fallback secret decrypts it.",
            "Run, before that secret goes: python manage.py reencrypt_signing_keys",
        )
    return ok(f"{told}.")


def _life(row: SigningKey, *, now: datetime) -> str:
    match row.state(now=now):
        case KeyState.NEXT:
            return f"signs from {row.activates_at:%Y-%m-%d %H:%M} UTC"
        case KeyState.CURRENT:
            return f"signs since {row.activates_at:%Y-%m-%d %H:%M} UTC"
        case _:
            return f"has retired {row.retires_at:%Y-%m-%d %H:%M} UTC"


def _has_public_half(row: SigningKey) -> bool:
    try:
        return keys.VerificationKey.from_jwk(row.public_jwk).kid == row.kid
    except ValueError:
        return False


def _unreadable(row: SigningKey, told: str, *, is_needed: bool) -> Finding:
    if not is_needed:
        return warning(
            f"{told}; its private half cannot be decrypted, so its auth tokens are replaced "
            "instead of handed out again.",
            _RESTORE,
        )
    return error(
        f"{told}; its private half cannot be decrypted, so it signs nothing.",
        f"{_RESTORE} If it is lost, run: python manage.py remove_signing_key {row.kid}, which "
        "lets another sign at once and ends the tokens of that key; or, to spare them, "
        "rotate_signing_key, which signs after JWKS_MAX_AGE and a minute.",
    )


def _choice(signers: Sequence[SigningKey], *, now: datetime) -> Iterator[Finding]:
    settings, newest = get_settings(), signers[-1]
    if newest.algorithm != settings.algorithm:
        yield warning(
            f"The newest key is for {newest.algorithm}, but TOKEN_EXCHANGE['ALGORITHM'] is "
            f"{settings.algorithm}.",
            "Run: python manage.py rotate_signing_key",
        )
    lifetime = settings.signing_key_lifetime
    if lifetime is not None and now > newest.activates_at + lifetime + _LATE:
        yield warning(
            f"It signs for {(now - newest.activates_at).days} days already; SIGNING_KEY_LIFETIME "
            f"is {lifetime.days}.",
            "Run: python manage.py rotate_signing_key. Then let Celery beat run "
            "token_exchange.tasks.rotate_signing_keys each day.",
        )


def _signatures(row: SigningKey) -> Finding:
    key = decrypt(row)
    if key.sign("the same") != key.sign("the same"):
        return error(
            f"{row.algorithm} signs the same bytes differently each time, so an auth token that is "
            "handed out again is another one.",
            "Let cryptography be 43 or newer, on an OpenSSL of 3.2 or newer.",
        )
    return ok("Two signatures of the same bytes are the same.")
