"""When and from where a credential, or its previous secret, was last used."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, router, transaction
from django.db.models import Q

from token_exchange.issuer.credentials.lookup import StoredCredential
from token_exchange.models import Credential
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange.signals import previous_secret_used
from token_exchange_core.event_log import log_event

LAST_USED_RESOLUTION: Final = timedelta(minutes=1)
"""The write happens at most this often, so that requests do not wait for each other's row."""

_ADDRESS_LENGTH: Final = Credential._meta.get_field("last_used_from").max_length


def write_last_use(
    row: StoredCredential, *, used_previous_secret: bool, address: str, now: datetime
) -> None:
    """Write that the credential was used, after the commit and at most once a minute.

    Sends ``previous_secret_used`` if it was the previous secret. A failure is logged and raises
    nothing, because a read-only connection must still authenticate.
    """
    before = now - LAST_USED_RESOLUTION
    last_used_at = row.previous_secret_last_used_at if used_previous_secret else row.last_used_at
    if last_used_at is not None and last_used_at > before:
        return
    used: dict[str, Any] = {"last_used_at": now, "last_used_from": address[:_ADDRESS_LENGTH]}
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    seen = None
    if used_previous_secret:
        used["previous_secret_last_used_at"] = now
        used["previous_secret_last_used_from"] = used["last_used_from"]
        stale = Q(previous_secret_last_used_at=None) | Q(previous_secret_last_used_at__lte=before)
        seen = {"credential_id": row.pk, "identifier": row.identifier, "address": address}
    using = router.db_for_write(Credential)
    rows = Credential.objects.using(using).filter(stale, pk=row.pk)
    # After the caller's transaction, because a request must not lock this row until it ends.
    transaction.on_commit(partial(_write_use, rows, used, seen), using=using, robust=True)


def _write_use(
    rows: CredentialQuerySet[Credential],
    used: dict[str, Any],
    previous_secret: dict[str, Any] | None,
) -> None:
    try:
        is_first = rows.update(**used) == 1
    except (DatabaseError, InterfaceError) as error:
        log_event(logging.DEBUG, "credential.use_not_recorded", error=type(error).__name__)
        return
    # Of simultaneous requests only the one whose write took effect reports it.
    if is_first and previous_secret is not None:
        log_event(
            logging.WARNING,
            "credential.previous_secret_used",
            identifier=previous_secret["identifier"],
            address=previous_secret["address"],
        )
        previous_secret_used.send_robust(sender=None, **previous_secret)
