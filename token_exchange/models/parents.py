"""Owners and organizations of credentials, as the project's managers show them.

Projects that keep deleted users or tenants in their tables hide them by a manager. Who is hidden
there is refused here, as if the row were gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import Exists, Manager, Model, OuterRef, Q, QuerySet, Subquery

from token_exchange.conf import get_settings
from token_exchange.models.organization import get_organization_model
from token_exchange_core import process_state

_OWNER: Final = "owner"
_ORGANIZATION: Final = "organization"


def users() -> QuerySet[Any]:
    """Return the users that ``USER_MANAGER`` shows."""
    return _shown(_OWNER)


def organizations() -> QuerySet[Any]:
    """Return the organizations that ``ORGANIZATION_MANAGER`` shows."""
    return _shown(_ORGANIZATION)


def is_shown(user: Any) -> bool:
    """Return whether ``USER_MANAGER`` shows the user; no query if it shows all."""
    using = router.db_for_write(get_user_model())
    return _shows_all(_OWNER) or users().using(using).filter(pk=user.pk).exists()


def has_active_owner(path: str = _OWNER) -> Q | Exists:
    """Return the condition of the rows whose owner, at ``path``, is shown and active."""
    return _has_active(_OWNER, path)


def has_active_organization(path: str = _ORGANIZATION) -> Q | Exists:
    """Return the condition of the rows whose organization, at ``path``, is shown and active."""
    return _has_active(_ORGANIZATION, path)


def has_refused_owner() -> Q:
    """Return the condition of the credentials with an owner who is hidden or inactive."""
    if _shows_all(_OWNER):
        return Q(owner__is_active=False)
    return Q(owner__isnull=False) & ~Q(has_active_owner())


def refused_organizations() -> QuerySet[Any]:
    """Return the organizations that are hidden or inactive."""
    every: QuerySet[Any] = QuerySet(get_organization_model())
    if _shows_all(_ORGANIZATION):
        return every.filter(is_active=False)
    return every.filter(~Exists(organizations().filter(pk=OuterRef("pk"), is_active=True)))


def activity_of_owner() -> Subquery:
    """Return the column ``is_active`` of a credential's owner; NULL without one that is shown.

    Not a join, because PostgreSQL would spend more time planning it than on all the rest.
    """
    return _activity(_OWNER)


def activity_of_organization() -> Subquery | None:
    """Return the same of a credential's organization; ``None`` if the column itself will do."""
    return None if _shows_all(_ORGANIZATION) else _activity(_ORGANIZATION)


def manager_of(model: type[Model], name: str | None) -> Manager[Any]:
    """Return the manager with this name, or the default manager.

    Raises ``AttributeError`` if the model has no such manager.
    """
    if name is None:
        return model._default_manager
    manager = getattr(model, name)
    if not isinstance(manager, Manager):
        raise AttributeError(f"{model._meta.label}.{name} is not a manager")
    return manager


def _shown(parent: str) -> QuerySet[Any]:
    settings = get_settings()
    if parent == _OWNER:
        return manager_of(get_user_model(), settings.user_manager).all()
    return manager_of(get_organization_model(), settings.organization_manager).all()


def _has_active(parent: str, path: str) -> Q | Exists:
    if _shows_all(parent):
        return Q(**{f"{path}__is_active": True})
    return Exists(_shown(parent).filter(pk=OuterRef(f"{path}_id"), is_active=True))


def _activity(parent: str) -> Subquery:
    rows = _shown(parent).order_by().filter(pk=OuterRef(f"{parent}_id"))
    return Subquery(rows.values("is_active"))


@process_state.cached
def _shows_all(parent: str) -> bool:
    """Return whether the manager adds nothing to a query, as nearly all do."""
    shown = _shown(parent)
    return _statement(shown) == _statement(QuerySet(shown.model))


def _statement(rows: QuerySet[Any]) -> tuple[str, Sequence[Any]] | None:
    connection = connections[router.db_for_write(rows.model)]
    compiler: Any = rows.order_by().values("pk").query.get_compiler(connection=connection)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        return None
    return sql, parameters
