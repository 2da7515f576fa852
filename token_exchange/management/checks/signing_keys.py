"""Database check: the stored signing keys match the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core import checks
from django.db import connections
from django.utils import timezone

from token_exchange.conf import Settings, read_settings
from token_exchange.issuer.signing_keys import is_readable, needs_reencryption
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState

RESTORE: Final = (
    "Restore the secret that encrypted it: SECRET_KEY (also in SECRET_KEY_FALLBACKS), or "
    "SIGNING_KEY_ENCRYPTION_KEYS."
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
