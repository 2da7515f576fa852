"""Do the stored signing keys fit the settings?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.db import connections
from django.utils import timezone

from token_exchange.conf import Settings, read_settings
from token_exchange.issuer.signing_keys import is_readable, needs_reencryption
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState


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
        # A retired one that cannot be read ends the re-use of its tokens, and nothing else.
        if key.state(now=now) in {KeyState.CURRENT, KeyState.NEXT}
    ]
    return [*_check_secrets(keys), *_check_algorithm(keys[-1:], settings)]


def _check_secrets(keys: list[SigningKey]) -> Iterator[checks.CheckMessage]:
    # Warnings, because errors would also stop migrate.
    unreadable = [key for key in keys if not is_readable(key)]
    for key in unreadable:
        yield checks.Warning(
            f"The private half of signing key {key.kid} cannot be decrypted, so there are no "
            "new tokens.",
            hint="Restore the SECRET_KEY (or SIGNING_KEY_ENCRYPTION_KEYS) it was made with, or "
            "keep it in SECRET_KEY_FALLBACKS. If it is lost, run: python manage.py "
            "rotate_signing_key, which signs after JWKS_MAX_AGE and a minute; or python manage.py "
            f"remove_signing_key {key.kid}, which signs at once and ends the tokens of that key.",
            id="token_exchange.W008",
        )
    if any(needs_reencryption(key) for key in keys if key not in unreadable):
        yield checks.Warning(
            "A signing key is encrypted with a secret that is not the newest; without that secret "
            "there are no new tokens.",
            hint="Run: python manage.py reencrypt_signing_keys, before you drop the older secret.",
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
