"""Encryption of the signing keys' private halves, and re-encryption with a new secret.

A copy of the database alone cannot sign tokens. The newest secret encrypts and every secret
decrypts, so that a new secret can be added before the old one is removed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as django_settings

from token_exchange.conf import get_settings
from token_exchange.models import SigningKey
from token_exchange_core import keys

_LABEL: Final = b"token_exchange.signing_key_encryption.v1"


class UnreadablePrivateKey(Exception):
    """A private half cannot be decrypted with the current secrets, or is not the row's key."""


def _fernets() -> list[Fernet]:
    secrets: tuple[str | bytes, ...] = get_settings().signing_key_encryption_keys or (
        django_settings.SECRET_KEY,
        *django_settings.SECRET_KEY_FALLBACKS,
    )
    return [Fernet(_derive(secret)) for secret in secrets]


def _derive(secret: str | bytes) -> bytes:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return base64.urlsafe_b64encode(HKDF(SHA256(), 32, None, _LABEL).derive(raw))


def encrypt(key: keys.SigningKey) -> str:
    """Encrypt the private half with the newest secret."""
    return _fernets()[0].encrypt(key.private_bytes()).decode()


def decrypt(row: SigningKey) -> keys.SigningKey:
    """Decrypt and parse the key of a row; raises ``UnreadablePrivateKey``."""
    try:
        key = keys.SigningKey.from_private_bytes(
            MultiFernet(_fernets()).decrypt(row.encrypted_private_key.encode()),
            algorithm=row.algorithm,
        )
    except (InvalidToken, UnsupportedAlgorithm, ValueError, TypeError) as error:
        # Without the frames that hold the decrypted key.
        raise UnreadablePrivateKey(row.kid) from error.with_traceback(None)
    if key.kid != row.kid:
        raise UnreadablePrivateKey(row.kid)
    return key


def is_readable(row: SigningKey) -> bool:
    """Return whether the key's private half can be decrypted with the current secrets."""
    try:
        decrypt(row)
    except UnreadablePrivateKey:
        return False
    return True


def needs_reencryption(row: SigningKey) -> bool:
    """Return whether the newest secret alone cannot decrypt it."""
    try:
        _fernets()[0].decrypt(row.encrypted_private_key.encode())
    except InvalidToken:
        return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencryption:
    """The outcome for each published key, by its ``kid``."""

    reencrypted: tuple[str, ...]
    unchanged: tuple[str, ...]
    """The newest secret already decrypts them, or another process has just changed them."""
    unreadable: tuple[str, ...]
    """No secret decrypts them; they are left unchanged."""


def reencrypt_signing_keys(*, now: datetime) -> Reencryption:
    """Encrypt each private half with the newest secret, so that older ones can be removed.

    Safe to run twice, and while keys are rotated or removed: concurrent writes are not overwritten.
    """
    rows = SigningKey.objects.on_writer()
    rows.delete_gone(now=now)
    found: dict[str, list[str]] = {"reencrypted": [], "unchanged": [], "unreadable": []}
    for row in rows.published(now=now):
        found[_reencrypt(row)].append(row.kid)
    return Reencryption(**{name: tuple(kids) for name, kids in found.items()})


def _reencrypt(row: SigningKey) -> str:
    """Return the outcome, a field name of ``Reencryption``."""
    try:
        key = decrypt(row)
    except UnreadablePrivateKey:
        return "unreadable"
    if not needs_reencryption(row):
        return "unchanged"
    as_it_was = SigningKey.objects.on_writer().filter(
        pk=row.pk, encrypted_private_key=row.encrypted_private_key
    )
    return "reencrypted" if as_it_was.update(encrypted_private_key=encrypt(key)) else "unchanged"
