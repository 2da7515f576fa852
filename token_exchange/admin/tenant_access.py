"""Which organizations' rows may this user of the admin see and change?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings
from token_exchange.models import get_organization_model
from token_exchange_core.event_log import log_event

_ANSWER: Final = "_token_exchange_organizations"
"""Where a user keeps what the hook said of him; each request has its own user object."""


def organizations_of(user: Any) -> list[Any] | None:
    """Return the primary keys that the hook limits the user to; ``None`` for no limit.

    The hook is ``OPERATOR_ORGANIZATIONS``, asked once a request; a superuser is never limited. Who
    is refused by a hook that fails, or returns what is no primary key, has no organization.
    """
    path = get_settings().operator_organizations
    if path is None or user.is_superuser:
        return None
    if not hasattr(user, _ANSWER):
        setattr(user, _ANSWER, _ask(path, user))
    answer: list[Any] | None = getattr(user, _ANSWER)
    return answer


def is_limited(user: Any) -> bool:
    """Tell whether the user sees the rows of some organizations only, and what is nobody's not."""
    return organizations_of(user) is not None


def within_reach(rows: QuerySet[Any], user: Any, *, path: str) -> QuerySet[Any]:
    """Keep the rows of the organizations in the user's reach, which each has at ``path``."""
    organizations = organizations_of(user)
    return rows if organizations is None else rows.filter(**{f"{path}__in": organizations})


def organizations_in_reach(user: Any) -> QuerySet[Any]:
    """Return the tenants that the user may see and choose."""
    return within_reach(get_organization_model()._default_manager.all(), user, path="pk")


def _ask(path: str, user: Any) -> list[Any] | None:
    try:
        hook: Callable[[Any], Iterable[Any] | None] = import_string(path)
        found = hook(user)
        return None if found is None else _primary_keys(found)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in it, nobody gets all rows
        log_event(logging.ERROR, "operator.reach_unknown", exc_info=error, user=str(user.pk))
        return []


def _primary_keys(found: Iterable[Any]) -> list[Any]:
    if isinstance(found, str | bytes):
        raise TypeError("OPERATOR_ORGANIZATIONS returned a string, not primary keys")
    return [_primary_key(each) for each in found]


def _primary_key(value: Any) -> Any:
    # As strict as a comparison: True is 1 to a field of integers, and 1.5 is as well.
    parsed = get_organization_model()._meta.pk.to_python(value)
    if value is None or str(parsed) != str(value):
        raise ValidationError("OPERATOR_ORGANIZATIONS returned what is no primary key")
    return parsed
