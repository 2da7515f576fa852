"""How does Django load this app?"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.contrib.auth import get_user_model
from django.db import router
from django.db.models.signals import post_migrate, pre_delete
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TokenExchangeConfig(AppConfig):
    """The app, its checks, its listeners and its first signing key."""

    name = "token_exchange"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Token exchange")

    def ready(self) -> None:
        """Connect the listeners; models can be imported only now."""
        from token_exchange import audit, checks

        checks.register()
        audit.connect()
        post_migrate.connect(_ensure_first_key, sender=self)
        # Each proxy of the user model is a sender of its own.
        user_model = get_user_model()._meta.concrete_model
        for model in global_apps.get_models():
            if model._meta.concrete_model is user_model:
                pre_delete.connect(_revoke_keys_of, sender=model)
        if global_apps.is_installed("drf_spectacular"):
            from token_exchange import schema  # noqa: F401 - importing it is registering it


def _ensure_first_key(*, using: str, apps: Any = global_apps, **_: object) -> None:
    from token_exchange.models import SigningKey
    from token_exchange.signing import ensure_first_key

    try:
        apps.get_model("token_exchange", "SigningKey")
    except LookupError:  # migrated back to nothing, the app has no table to look into
        return
    if router.allow_migrate_model(using, SigningKey):
        ensure_first_key(using=using, now=timezone.now())


def _revoke_keys_of(*, instance: Any, **_: object) -> None:
    from token_exchange.credentials import revoke_keys_of

    revoke_keys_of(instance, now=timezone.now())
