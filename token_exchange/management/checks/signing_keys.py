"""Database check: the stored signing keys match the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core import checks
from django.db import Error as DatabaseFailure
from django.db import connections
from django.utils import timezone

from token_exchange.conf import Settings, read_settings
from token_exchange.issuer.signing_keys import is_readable, key_set, needs_reencryption
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.keys import can_sign

RESTORE: Final = (
    "Restore the secret that encrypted it: SECRET_KEY (also in SECRET_KEY_FALLBACKS), or "
    "SIGNING_KEY_ENCRYPTION_KEYS."
)


CANNOT_SIGN: Final = (
    "The OpenSSL that the package cryptography uses here can't sign ES256 deterministically "
    "(RFC 6979), so no token can be issued."
)
CANNOT_SIGN_HINT: Final = (
    "Set TOKEN_EXCHANGE['ALGORITHM'] = 'RS256' and run: python manage.py rotate_signing_key. Or "
    "install the wheels of cryptography from PyPI, or OpenSSL 3.2 or newer."
)


def restore_or_replace(kid: str) -> str:
    """Return the hint for a key that cannot be decrypted but is needed to sign."""
    return (
        f"{RESTORE} If that secret is lost, replace the key. To revoke its tokens and sign now: "
        f"python manage.py remove_signing_key {kid}. To keep its tokens, but issue no new ones "
        "until JWKS_MAX_AGE plus a minute has passed: python manage.py rotate_signing_key"
    )


def check_signing_keys(
    app_configs: Any, databases: Any = None, **_: object
) -> list[checks.CheckMessage]:
    """Check the stored keys (W006, W008, W009); runs with ``migrate`` and ``check --database``."""
    settings, _problems = read_settings()
    using = SigningKey.objects.on_writer().db
    if settings is None or using not in (databases or ()):
        return []
    if SigningKey._meta.db_table not in connections[using].introspection.table_names():
        return []
    now = timezone.now()
    keys = [
        key
        for key in SigningKey.objects.on_writer().published(now=now)
        # An unreadable retired key only prevents the re-use of its tokens.
        if key.state(now=now) in {KeyState.CURRENT, KeyState.NEXT}
    ]
    return [*_check_secrets(keys), *_check_algorithm(keys[-1:], settings)]


def check_algorithm(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check that new keys can sign with the libraries of this machine (E056)."""
    settings, _problems = read_settings()
    if settings is None or can_sign(settings.algorithm):
        return []
    return [checks.Error(CANNOT_SIGN, hint=CANNOT_SIGN_HINT, id="token_exchange.E056")]


def check_current_key(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check that a stored key can sign now (E057); runs with ``check --deploy``.

    A database that cannot be read is no problem of the keys.
    """
    settings, _problems = read_settings()
    if settings is None:
        return []
    try:
        problem = _problem_of_current_key()
    except DatabaseFailure:  # where an image is built, or before migrate
        return []
    if problem is None:
        return []
    text, hint = problem
    return [checks.Error(text, hint=hint, id="token_exchange.E057")]


def _problem_of_current_key() -> tuple[str, str] | None:
    """Return what prevents every exchange, and what to do about it."""
    try:
        current = key_set().current
    except TemporarilyUnavailable:
        return (
            "No signing key can sign, so no token can be issued.",
            f"{RESTORE} If there is no key, run: python manage.py rotate_signing_key",
        )
    return None if can_sign(current.algorithm) else (CANNOT_SIGN, CANNOT_SIGN_HINT)


def _check_secrets(keys: list[SigningKey]) -> Iterator[checks.CheckMessage]:
    # Warnings, because errors would also stop migrate.
    unreadable = [key for key in keys if not is_readable(key)]
    for key in unreadable:
        yield checks.Warning(
            f"The signing key {key.kid} cannot be decrypted, so it cannot sign new tokens.",
            hint=restore_or_replace(key.kid),
            id="token_exchange.W008",
        )
    if any(needs_reencryption(key) for key in keys if key not in unreadable):
        yield checks.Warning(
            "A signing key is encrypted with an older secret. Without that secret it cannot sign "
            "new tokens.",
            hint="Before you remove that secret, run: python manage.py reencrypt_signing_keys",
            id="token_exchange.W009",
        )


def _check_algorithm(newest: list[SigningKey], settings: Settings) -> Iterator[checks.CheckMessage]:
    for key in newest:
        if key.algorithm != settings.algorithm:
            yield checks.Warning(
                f"Tokens are signed with {key.algorithm}, but TOKEN_EXCHANGE['ALGORITHM'] is "
                f"{settings.algorithm}.",
                hint="Run: python manage.py rotate_signing_key",
                id="token_exchange.W006",
            )
