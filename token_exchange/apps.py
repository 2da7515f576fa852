"""App configuration: checks, signal receivers and the first signing key."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.contrib.auth import get_user_model
from django.db import router
from django.db.models.signals import post_migrate, post_save, pre_delete
from django.utils.translation import gettext_lazy as _

from token_exchange_core import process_state


class TokenExchangeConfig(AppConfig):
    """Registers the checks, connects signal receivers and creates the first signing key."""

    name = "token_exchange"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Token exchange")

    def ready(self) -> None:
        """Connect the receivers; models can be imported only now."""
        from token_exchange.management import checks
        from token_exchange.observability import exchange_counts

        checks.register()
        exchange_counts.register()
        post_migrate.connect(_ensure_first_rows, sender=self)
        self._connect_to_models()
        if global_apps.is_installed("drf_spectacular"):
            from token_exchange.views import schema  # noqa: F401 - importing it registers the hook

    def _connect_to_models(self) -> None:
        from token_exchange.models import AccessToken, Credential, get_organization_model

        user_model = get_user_model()._meta.concrete_model
        try:
            organization_model = get_organization_model()._meta.concrete_model
        except LookupError:  # Django's own checks report it.
            organization_model = None
        # Each proxy of a model sends its own signals.
        for model in global_apps.get_models():
            concrete = model._meta.concrete_model
            if concrete is user_model:
                pre_delete.connect(_revoke_keys_of, sender=model)
            if concrete in {AccessToken, Credential}:
                pre_delete.connect(_end_tokens_of_deleted, sender=model)
            if concrete is organization_model:
                post_save.connect(_mark_changed, sender=model)


def _ensure_first_rows(*, using: str, apps: Any = global_apps, **_: object) -> None:
    from token_exchange.issuer.signing_keys import ensure_first_key
    from token_exchange.models import SigningKey
    from token_exchange.models.feed_counter import ensure_counter
    from token_exchange.observability.audit import Act

    # The signal is also sent after a flush, when cached rows no longer exist.
    process_state.clear_caches()
    try:
        apps.get_model("token_exchange", "SigningKey")
    except LookupError:  # Migrated back to zero, the app has no tables.
        return
    if router.allow_migrate_model(using, SigningKey):
        ensure_counter(using=using)
        ensure_first_key(using=using, act=Act(origin="migrate"))


def _revoke_keys_of(*, instance: Any, **_: object) -> None:
    from token_exchange.issuer.credentials import Act, revoke_keys_of

    # Django does not say who deletes a user.
    revoke_keys_of(instance, act=Act(origin="deletion of the owner"))


def _end_tokens_of_deleted(*, instance: Any, using: str, **_: object) -> None:
    from token_exchange.issuer.credentials import end_tokens_of_deleted

    end_tokens_of_deleted(instance, using=using)


def _mark_changed(*, using: str, **_: object) -> None:
    from token_exchange.models.cache_invalidation import mark_changed

    mark_changed(using=using)
