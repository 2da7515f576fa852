"""Writing an edit of a stored credential, and revoking its tokens if it may do less afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from django.db import DatabaseError, models, transaction
from django.db.models import F

from token_exchange.database.lock_timeouts import short_lock_waits
from token_exchange.models.credential_policy import INHERITED_FIELDS, CredentialPolicy
from token_exchange.models.revocation_writer import RevocationWriter, revoking

Credential: TypeAlias = Any
"""The model, which imports this module."""


def write_edits(
    credential: Credential, changes: Mapping[str, Any], *, using: str
) -> dict[str, tuple[Any, Any]]:
    """Do what ``Credential.edit`` says, which has checked the names of the fields."""
    for name, value in changes.items():
        setattr(credential, name, value)
    stored = _stored(credential, using=using)
    changes = {name: value for name, value in changes.items() if stored[name] != value}
    if not changes:
        return {}
    if changes.keys().isdisjoint(INHERITED_FIELDS):
        with transaction.atomic(using=using), short_lock_waits(using=using):
            return _write(credential, changes, using=using, feed=None)
    with revoking(using=using) as feed:
        return _write(credential, changes, using=using, feed=feed)


def _write(
    credential: Credential,
    changes: Mapping[str, Any],
    *,
    using: str,
    feed: RevocationWriter | None,
) -> dict[str, tuple[Any, Any]]:
    _rows(credential, using=using).lock()
    before = _stored(credential, using=using)
    edits = {
        name: (before[name], after) for name, after in changes.items() if before[name] != after
    }
    names = set(edits)
    if "expires_at" in names:
        # The warnings that were sent were about another expiry.
        credential.expiry_warned_at = credential.end_mailed_at = None
        names |= {"expiry_warned_at", "end_mailed_at"}
    policy = CredentialPolicy.from_columns({**before, **changes})
    is_narrower = policy.narrows(CredentialPolicy.from_columns(before))
    if is_narrower:
        credential.generation = F("generation") + 1
        names.add("generation")
    if names:
        # Past Credential.save(), which would come back here.
        models.Model.save(credential, force_update=True, using=using, update_fields=names)
    if is_narrower and feed is not None:
        credential.refresh_from_db(using=using, fields=["generation"])
        feed.revoke_earlier_generations(_rows(credential, using=using))
    return edits


def _rows(credential: Credential, *, using: str) -> Any:
    return credential._meta.concrete_model._base_manager.using(using).filter(pk=credential.pk)


def _stored(credential: Credential, *, using: str) -> dict[str, Any]:
    rows = _rows(credential, using=using).values(*credential.EDITABLE_FIELDS)
    stored: dict[str, Any] | None = rows.first()
    if stored is None:
        raise DatabaseError("The credential has been deleted")
    return stored
