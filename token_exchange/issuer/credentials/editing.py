"""Editing a credential: its name, its notes and its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import router, transaction

from token_exchange.database.retries import retried
from token_exchange.models import Credential
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import credential_changed

# Notes may hold anything: the audit trail only says that they changed.
_SHOWN: Final = frozenset(Credential.EDITABLE_FIELDS) - {"metadata"}


@retried
def edit(credential: Credential, changes: Mapping[str, Any], *, act: Act | None = None) -> None:
    """Write ``changes`` by field, and record what differed from the row: before and after.

    If the policy then allows less than before, all tokens are revoked; see ``Credential.edit``.
    Raises ``ValueError`` for a field that cannot be edited. The values are not validated.
    """
    act = act or Act()
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        edits = credential.edit(changes, using=using)
        if not edits:
            return
        act.record(
            audit.Event.CREDENTIAL_CHANGED,
            audit.credential_target(credential),
            using=using,
            details=audit.edited(edits, shown=_SHOWN),
        )
        act.announce(credential_changed, using=using, credential=credential, fields=tuple(edits))
