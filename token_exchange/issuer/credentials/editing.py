"""How does a credential get another policy, or another name?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import router, transaction

from token_exchange.models import Credential
from token_exchange.observability import audit
from token_exchange.signals import announce, credential_changed

# Notes may hold anything; that they changed is enough.
_SHOWN: Final = frozenset(Credential.EDITABLE_FIELDS) - {"metadata"}


def change(credential: Credential, *, now: datetime, by: Any = None, origin: str = "") -> None:
    """Save what was edited of a stored credential, and record it: before and after.

    Ends its tokens if it allows less than before; see ``Credential.save``. Does nothing where
    nothing was edited.
    """
    edits = credential.edits()
    if not edits:
        return
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        credential.save(using=using)
        audit.record(
            audit.Event.CREDENTIAL_CHANGED,
            audit.credential_target(credential),
            using=using,
            now=now,
            by=by,
            origin=origin,
            details=audit.edited(edits, shown=_SHOWN),
        )
        announce(credential_changed, using=using, credential=credential, by=by, fields=tuple(edits))
