"""The organizations whose rows a user of the admin may see and change."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings
from token_exchange.models import get_organization_model, parents
from token_exchange.models.organization import AbstractOrganization, Pk
from token_exchange_core.event_log import log_event

_Row = TypeVar("_Row", bound=Model)

_CACHE_ATTRIBUTE: Final = "_token_exchange_organizations"
"""Keeps the hook's answer on the user object, of which each request has its own."""


def permitted_organization_keys(user: Any) -> list[Pk] | None:
    """Return the primary keys of the organizations that the user is limited to, or ``None``.

    The hook ``OPERATOR_ORGANIZATIONS`` decides and is called once a request. Superusers are never
    limited. If the hook fails, or returns something other than primary keys, the user gets no
    organization.
    """
    path = get_settings().operator_organizations
    if path is None or user.is_superuser:
        return None
    if not hasattr(user, _CACHE_ATTRIBUTE):
        setattr(user, _CACHE_ATTRIBUTE, _call_hook(path, user))
    keys: list[Pk] | None = getattr(user, _CACHE_ATTRIBUTE)
    return keys


def is_limited(user: Any) -> bool:
    """Return whether the user is limited to certain organizations, and sees no unowned rows."""
    return permitted_organization_keys(user) is not None


def restrict_to_tenants(rows: QuerySet[_Row], user: Any, *, path: str) -> QuerySet[_Row]:
    """Keep the rows of the user's organizations; ``path`` leads to the organization's key."""
    keys = permitted_organization_keys(user)
    return rows if keys is None else rows.filter(**{f"{path}__in": keys})


def permitted_organizations(user: Any) -> QuerySet[AbstractOrganization]:
    """Return the organizations that the user may see and choose."""
    return restrict_to_tenants(parents.organizations(), user, path="pk")


def _call_hook(path: str, user: Any) -> list[Pk] | None:
    try:
        hook: Callable[[Any], Iterable[Any] | None] = import_string(path)
        found = hook(user)
        return None if found is None else _primary_keys(found)
    except Exception as error:  # noqa: BLE001 - no error of a hook may show all rows
        log_event(
            logging.ERROR, "operator.organizations_unknown", exc_info=error, user=str(user.pk)
        )
        return []


def _primary_keys(found: Iterable[Any]) -> list[Pk]:
    if isinstance(found, str | bytes):
        raise TypeError("OPERATOR_ORGANIZATIONS returned a string, not primary keys")
    return [_primary_key(each) for each in found]


def _primary_key(value: Any) -> Pk:
    # Compared as text, because an integer field also accepts True and 1.5 as 1.
    parsed = get_organization_model()._meta.pk.to_python(value)
    if value is None or str(parsed) != str(value):
        raise ValidationError("OPERATOR_ORGANIZATIONS returned something else than primary keys")
    return parsed
