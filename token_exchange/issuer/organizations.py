"""Create, edit and delete an organization, with an audit event for each.

They need no more of a project's own tenant model than ``AbstractOrganization``.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import router, transaction

from token_exchange.database.retries import retried
from token_exchange.models import AbstractOrganization
from token_exchange.observability import audit
from token_exchange.observability.audit import Act

_SHOWN: Final = frozenset(
    {"name", "slug", "is_active", "default_token_lifetime", "max_token_lifetime"}
)
"""Values that the audit trail shows; of a project's other fields it names those that changed."""


@retried
def create(organization: AbstractOrganization, *, act: Act | None = None) -> None:
    """Save a new organization."""
    act = act or Act()
    with transaction.atomic(using=(using := _database(organization))):
        organization.save(using=using, force_insert=True)
        shown = {name: value for name, value in _values(organization).items() if name in _SHOWN}
        act.record(
            audit.Event.ORGANIZATION_CREATED,
            audit.organization_target(organization),
            using=using,
            details={name: audit.plain(value) for name, value in shown.items()},
        )


@retried
def edit(organization: AbstractOrganization, *, act: Act | None = None) -> None:
    """Save a stored organization, and record what differs from its row: before and after."""
    act = act or Act()
    with transaction.atomic(using=(using := _database(organization))):
        rows = type(organization)._base_manager.using(using).filter(pk=organization.pk)
        before = rows.values(*_values(organization)).get()
        organization.save(using=using, force_update=True)
        after = _values(organization)
        edits = {name: (before[name], after[name]) for name in after}
        edits = {name: values for name, values in edits.items() if values[0] != values[1]}
        if edits:
            act.record(
                audit.Event.ORGANIZATION_CHANGED,
                audit.organization_target(organization),
                using=using,
                details=audit.edited(edits, shown=_SHOWN),
            )


@retried
def delete(organization: AbstractOrganization, *, act: Act | None = None) -> None:
    """Delete an organization. Raises ``ProtectedError`` if it has credentials."""
    act = act or Act()
    target = audit.organization_target(organization)
    name = str(organization)
    with transaction.atomic(using=(using := _database(organization))):
        organization.delete(using=using)
        act.record(
            audit.Event.ORGANIZATION_DELETED,
            target,
            using=using,
            details={"name": name},
        )


def _database(organization: AbstractOrganization) -> str:
    return router.db_for_write(type(organization), instance=organization)


def _values(organization: AbstractOrganization) -> dict[str, Any]:
    fields = organization._meta.concrete_fields
    return {each.attname: getattr(organization, each.attname) for each in fields if each.editable}
