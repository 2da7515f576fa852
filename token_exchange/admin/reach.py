"""Which organizations' rows may this user of the admin see and change?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings


def organizations_of(user: Any) -> list[Any] | None:
    """Return the primary keys that the hook limits the user to; ``None`` for no limit.

    The hook is ``OPERATOR_ORGANIZATIONS``; a superuser is never limited.
    """
    path = get_settings().operator_organizations
    if path is None or user.is_superuser:
        return None
    hook: Callable[[Any], Iterable[Any] | None] = import_string(path)
    found = hook(user)
    return None if found is None else list(found)


def within_reach(rows: QuerySet[Any], user: Any, *, path: str) -> QuerySet[Any]:
    """Keep the rows of the organizations in the user's reach, which each has at ``path``."""
    organizations = organizations_of(user)
    return rows if organizations is None else rows.filter(**{f"{path}__in": organizations})
