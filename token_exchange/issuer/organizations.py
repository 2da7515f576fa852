"""How does a tenant begin, change and end, with a record of each?

A project with a tenant model of its own may use these verbs as well; they need no more of it than
``AbstractOrganization``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import router, transaction

from token_exchange.models import AbstractOrganization
from token_exchange.observability import audit

_SHOWN: Final = frozenset(
    {"name", "slug", "is_active", "default_token_lifetime", "max_token_lifetime"}
)
"""Of what else a project keeps of its tenants, that it changed is enough."""


def create(
    organization: AbstractOrganization, *, now: datetime, by: Any = None, origin: str = ""
) -> None:
    """Save a new organization, and record it."""
    with transaction.atomic(using=(using := _database(organization))):
        organization.save(using=using, force_insert=True)
        shown = {name: value for name, value in _values(organization).items() if name in _SHOWN}
        audit.record(
            audit.Event.ORGANIZATION_CREATED,
            audit.organization_target(organization),
            using=using,
            now=now,
            by=by,
            origin=origin,
            details={name: audit.plain(value) for name, value in shown.items()},
        )


def change(
    organization: AbstractOrganization, *, now: datetime, by: Any = None, origin: str = ""
) -> None:
    """Save what was edited of a stored organization, and record it: before and after."""
    with transaction.atomic(using=(using := _database(organization))):
        rows = type(organization)._base_manager.using(using).filter(pk=organization.pk)
        before = rows.values(*_values(organization)).get()
        organization.save(using=using, force_update=True)
        after = _values(organization)
        edits = {name: (before[name], after[name]) for name in after}
        edits = {name: values for name, values in edits.items() if values[0] != values[1]}
        if edits:
            audit.record(
                audit.Event.ORGANIZATION_CHANGED,
                audit.organization_target(organization),
                using=using,
                now=now,
                by=by,
                origin=origin,
                details=audit.edited(edits, shown=_SHOWN),
            )


def delete(
    organization: AbstractOrganization, *, now: datetime, by: Any = None, origin: str = ""
) -> None:
    """Delete an organization, and record it; raises ``ProtectedError`` if it has credentials."""
    target = audit.organization_target(organization)
    name = str(organization)
    with transaction.atomic(using=(using := _database(organization))):
        organization.delete(using=using)
        audit.record(
            audit.Event.ORGANIZATION_DELETED,
            target,
            using=using,
            now=now,
            by=by,
            origin=origin,
            details={"name": name},
        )


def _database(organization: AbstractOrganization) -> str:
    return router.db_for_write(type(organization), instance=organization)


def _values(organization: AbstractOrganization) -> dict[str, Any]:
    fields = organization._meta.concrete_fields
    return {each.attname: getattr(organization, each.attname) for each in fields if each.editable}
