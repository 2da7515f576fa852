"""System checks of the settings and of the project's models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.module_loading import import_string

from token_exchange.conf import Settings, read_settings
from token_exchange.conf.parsers import RESOURCE_SERVER
from token_exchange.models import (
    ORGANIZATION_MODEL,
    AbstractOrganization,
    get_organization_model,
    parents,
)

_CALLABLES: Final = {
    "E024": "VERIFIER",
    "E048": "WARNING_RECIPIENTS",
    "E049": "SELF_SERVICE_ENTITLEMENT",
    "E050": "OPERATOR_ORGANIZATIONS",
    "E051": "SCHEMA_NAME",
}


def check_settings(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check each key of ``TOKEN_EXCHANGE`` (E001 to E029, from E036) and the project's models."""
    settings, problems = read_settings()
    messages: list[checks.CheckMessage] = [
        checks.Error(problem.message, id=f"token_exchange.{problem.check_id}")
        for problem in problems
    ]
    messages += _check_models()
    messages += _check_project()
    if settings is not None:
        messages += _check_values(settings)
    return messages


def _check_models() -> Iterator[checks.CheckMessage]:
    if not _has_policy():
        yield checks.Error(
            "The model in TOKEN_EXCHANGE_ORGANIZATION_MODEL has no token policy.",
            hint="Make it a subclass of token_exchange.models.AbstractOrganization.",
            id="token_exchange.E030",
        )
    try:
        get_user_model()._meta.get_field("is_active")
    except FieldDoesNotExist:
        yield checks.Error(
            "The user model has no field is_active, so users cannot be deactivated.",
            hint="Add a BooleanField is_active to the model in AUTH_USER_MODEL.",
            id="token_exchange.E031",
        )


def _check_project() -> Iterator[checks.CheckMessage]:
    if not django_settings.USE_TZ:
        yield checks.Error(
            "Tokens need time zones, but USE_TZ is off.",
            hint="Set USE_TZ = True.",
            id="token_exchange.E034",
        )
    if not hasattr(django_settings, "TOKEN_EXCHANGE_ORGANIZATION_MODEL"):
        for model in _models_that_refer_to_the_organization():
            yield checks.Error(
                f"{model._meta.label} refers to the organization model, so its migrations need the "
                "setting TOKEN_EXCHANGE_ORGANIZATION_MODEL.",
                hint=f"Set TOKEN_EXCHANGE_ORGANIZATION_MODEL = {ORGANIZATION_MODEL!r}.",
                id="token_exchange.E035",
            )


def _models_that_refer_to_the_organization() -> Iterator[type[Model]]:
    for model in apps.get_models():
        if model._meta.app_label != "token_exchange" and any(
            each.related_model is get_organization_model() for each in model._meta.local_fields
        ):
            yield model


def _has_policy() -> bool:
    try:
        return issubclass(get_organization_model(), AbstractOrganization)
    except LookupError:  # reported by Django's own checks
        return True


def _check_values(settings: Settings) -> Iterator[checks.CheckMessage]:
    for check_id, name in _CALLABLES.items():
        yield from _check_callable(check_id, name, getattr(settings, name.lower()))
    yield from _check_manager("E054", "USER_MANAGER", parents.users)
    yield from _check_manager("E055", "ORGANIZATION_MANAGER", parents.organizations)
    if settings.mode == RESOURCE_SERVER:
        yield checks.Error(
            "TOKEN_EXCHANGE['MODE'] is 'resource-server', but token_exchange is in INSTALLED_APPS, "
            "so it would issue tokens in the name of another service.",
            hint="Remove it and its URLs. Authentication and permissions work without it.",
            id="token_exchange.E028",
        )
    if not _has_field(settings.organization_lookup_field):
        yield checks.Error(
            f"{get_organization_model()._meta.label} has no column "
            f"{settings.organization_lookup_field!r}, which commands use to find an organization.",
            hint="Set TOKEN_EXCHANGE['ORGANIZATION_LOOKUP_FIELD'] to a unique column.",
            id="token_exchange.E016",
        )
    prefixes = {
        settings.api_key_prefix,
        settings.client_id_prefix,
        settings.client_secret_prefix,
    }
    if len(prefixes) < 3:  # noqa: PLR2004 - the number of prefixes
        yield checks.Error(
            "API_KEY_PREFIX, CLIENT_ID_PREFIX and CLIENT_SECRET_PREFIX must differ.",
            id="token_exchange.E032",
        )
    if settings.default_overlap > settings.max_overlap:
        yield checks.Warning(
            "DEFAULT_OVERLAP is longer than MAX_OVERLAP, which is used instead.",
            id="token_exchange.W001",
        )


def _check_callable(check_id: str, name: str, path: str | None) -> Iterator[checks.CheckMessage]:
    if path is None:
        return
    problem = ""
    try:
        if not callable(import_string(path)):
            problem = "is not callable"
    except ImportError as error:
        problem = f"cannot be imported: {error}"
    if problem:
        yield checks.Error(f"TOKEN_EXCHANGE['{name}'] {problem}.", id=f"token_exchange.{check_id}")


def _check_manager(
    check_id: str, name: str, shown: Callable[[], QuerySet[Any]]
) -> Iterator[checks.CheckMessage]:
    try:
        shown().filter(pk__isnull=False)
    except LookupError:  # reported by Django's own checks
        return
    except Exception as error:  # noqa: BLE001 - a project's manager may raise anything
        yield checks.Error(
            f"The manager of TOKEN_EXCHANGE['{name}'] can't be used: {error}",
            hint="Name a manager whose query set can be filtered, also outside a request.",
            id=f"token_exchange.{check_id}",
        )


def _has_field(name: str) -> bool:
    try:
        columns = get_organization_model()._meta.concrete_fields
    except LookupError:
        return True
    return name in {each.name for each in columns}
