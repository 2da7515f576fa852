"""Do the stored signing keys fit the settings?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.db import connections
from django.utils import timezone

from token_exchange.conf import Settings, read_settings
from token_exchange.models import SigningKey
from token_exchange.signing import is_readable


def check_signing_keys(
    app_configs: Any, databases: Any = None, **_: object
) -> list[checks.CheckMessage]:
    """Check the stored keys (W006 and W008); runs with ``migrate`` and ``check --database``."""
    settings, _problems = read_settings()
    using = SigningKey.objects.on_writer().db
    if settings is None or using not in (databases or ()):
        return []
    if SigningKey._meta.db_table not in connections[using].introspection.table_names():
        return []
    newest = SigningKey.objects.on_writer().published(now=timezone.now()).last()
    return [] if newest is None else list(_check_newest(newest, settings))


def _check_newest(newest: SigningKey, settings: Settings) -> Iterator[checks.CheckMessage]:
    if not is_readable(newest):
        # A warning, because an error would also stop migrate.
        yield checks.Warning(
            f"The private half of signing key {newest.kid} cannot be decrypted, so there are no "
            "new tokens.",
            hint="Restore the SECRET_KEY (or SIGNING_KEY_ENCRYPTION_KEYS) it was made with, or "
            "keep it in SECRET_KEY_FALLBACKS. If it is lost: python manage.py rotate_signing_key "
            "--all-new, which ends every token.",
            id="token_exchange.W008",
        )
    if newest.algorithm != settings.algorithm:
        yield checks.Warning(
            f"Tokens are signed with {newest.algorithm}, but TOKEN_EXCHANGE['ALGORITHM'] is "
            f"{settings.algorithm}.",
            hint="Run: python manage.py rotate_signing_key",
            id="token_exchange.W006",
        )
