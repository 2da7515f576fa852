"""Constraints and indexes of the credential table."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q

CONSTRAINTS: Final[list[models.BaseConstraint]] = [
    # Not unique=True: PostgreSQL would get a second index, for LIKE, to write.
    models.UniqueConstraint(fields=["identifier"], name="token_exchange_identifier"),
    models.CheckConstraint(
        condition=Q(kind="api_key", subject_type__in=["organization", "user"])
        | Q(kind="client_app", subject_type="organization"),
        name="token_exchange_credential_kind",
    ),
    models.CheckConstraint(
        condition=Q(subject_type="user") | Q(owner=None),
        name="token_exchange_credential_owner",
    ),
    models.CheckConstraint(
        condition=Q(previous_secret_digest=None, previous_secret_expires_at=None)
        | Q(
            previous_secret_digest__isnull=False,
            previous_secret_expires_at__isnull=False,
        ),
        name="token_exchange_previous_secret",
    ),
]

# For the lists, and for the task that warns. None on what each use writes. What only
# follows the times of a partial index is what a list is filtered by besides.
INDEXES: Final[list[models.Index]] = [
    models.Index(fields=["kind", "id"], name="token_exchange_kind"),
    models.Index(fields=["kind", "subject_type", "id"], name="token_exchange_subject"),
    models.Index(fields=["organization", "kind", "id"], name="token_exchange_tenant"),
    models.Index(fields=["kind", "search_name"], name="token_exchange_name"),
    # PostgreSQL finds the beginning of a text by this class alone, and no order.
    models.Index(
        fields=["kind", "search_name"],
        opclasses=["varchar_pattern_ops", "varchar_pattern_ops"],
        name="token_exchange_name_begins",
    ),
    models.Index(
        fields=["kind", "id"],
        condition=Q(revoked_at=None),
        name="token_exchange_unrevoked",
    ),
    models.Index(
        fields=["expires_at", "kind", "organization"],
        condition=Q(revoked_at=None, expires_at__isnull=False),
        name="token_exchange_expiring",
    ),
    models.Index(
        fields=["previous_secret_expires_at", "kind", "organization"],
        condition=Q(previous_secret_expires_at__isnull=False),
        name="token_exchange_rotating",
    ),
    models.Index(
        fields=["revoked_at", "kind", "organization"],
        condition=Q(revoked_at__isnull=False),
        name="token_exchange_ended",
    ),
]
