"""Queries for notifications that are due, and the claim that lets only one worker send each.

Each kind has a column with the time of the announcement, and one with the time of the e-mail. A
worker claims the column with a conditional UPDATE before it sends, so of two workers only one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, cast

from django.db.models import F, Q, Value

from token_exchange.conf import get_settings
from token_exchange.models import Credential
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange.models.parents import has_active_organization, has_active_owner

PREVIOUS_SECRET_NOTICE: Final = timedelta(days=1)
"""How long before its expiry a previous secret in use is notified; at most half the overlap."""

LEAK_MAIL_PERIOD: Final = timedelta(days=7)
"""How long an e-mail about a leak is retried."""

BATCH_ROWS: Final = 500

_END_COLUMNS: Final = ("expires_at", "previous_secret_expires_at", "revoked_at")


class AlreadyClaimed(Exception):
    """Another worker sends this notification, or the credential has changed since it was read."""


def expiring(column: str, *, now: datetime) -> Iterator[Credential]:
    """Yield credentials that passed one of ``EXPIRY_WARNINGS`` since the time in ``column``.

    If they passed several since then, only the last one counts. Thresholds from before the
    credential was created are skipped: a key for a week needs no notification 30 days ahead.
    """
    nearer = timedelta(0)
    for notice in get_settings().expiry_warnings:
        crossed_at = F("expires_at") - Value(notice)
        is_due = Q(**{column: None}) | Q(**{f"{column}__lt": crossed_at})
        rows = _active().filter(
            is_due,
            expires_at__gt=now + nearer,
            expires_at__lte=now + notice,
            created_at__lt=crossed_at,
        )
        yield from _in_order(rows, by="expires_at")
        nearer = notice


def with_previous_secret_in_use(column: str, *, now: datetime) -> Iterator[Credential]:
    """Yield credentials whose previous secret expires soon and was used since the rotation."""
    rows = _active().filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        previous_secret_expires_at__gt=now,
        previous_secret_expires_at__lte=now + PREVIOUS_SECRET_NOTICE,
        previous_secret_last_used_at__isnull=False,
        **{column: None},
    )
    for credential in _in_order(rows, by="previous_secret_expires_at"):
        ends_at = cast("datetime", credential.previous_secret_expires_at)
        half = (ends_at - credential.secret_issued_at) / 2
        if now >= ends_at - min(half, PREVIOUS_SECRET_NOTICE):
            yield credential


def leaked(column: str, *, now: datetime) -> Iterator[Credential]:
    """Yield credentials that were revoked as leaked and have no notification since."""
    is_due = Q(**{column: None}) | Q(**{f"{column}__lt": F("revoked_at")})
    rows = _credentials().filter(
        is_due,
        revoked_at__gt=now - LEAK_MAIL_PERIOD,
        revoked_at__lte=now,
        revocation_cause=Credential.RevocationCause.LEAK,
    )
    yield from _in_order(rows, by="revoked_at")


def claim(credential: Credential, column: str, *, now: datetime) -> None:
    """Write ``now`` into ``column``, so that no other worker sends this notification.

    Raises ``AlreadyClaimed`` if another worker did, or if an expiry or a revocation has changed
    since the row was read.
    """
    as_read = {name: getattr(credential, name) for name in (column, *_END_COLUMNS)}
    rows = Credential.objects.on_writer().filter(pk=credential.pk, **as_read)
    if rows.update(**{column: now}) != 1:
        raise AlreadyClaimed


def release(credential: Credential, column: str, *, now: datetime) -> None:
    """Undo ``claim`` at ``now``, so that the next run sends the notification."""
    rows = Credential.objects.on_writer().filter(pk=credential.pk, **{column: now})
    rows.update(**{column: getattr(credential, column)})


def _credentials() -> CredentialQuerySet[Credential]:
    return Credential.objects.on_writer().select_related("organization", "owner")


def _active() -> CredentialQuerySet[Credential]:
    # Inactive owners and organizations get their notification if they become active again.
    is_active = Q(subject_type=Credential.SubjectType.ORGANIZATION) | has_active_owner()
    return _credentials().filter(is_active, has_active_organization(), revoked_at=None)


def _in_order(rows: CredentialQuerySet[Credential], *, by: str) -> Iterator[Credential]:
    """Yield each row once, in batches along an indexed time, while others change the rows."""
    left = rows
    while True:
        batch = list(left.order_by(by, "pk")[:BATCH_ROWS])
        yield from batch
        if len(batch) < BATCH_ROWS:
            return
        last = getattr(batch[-1], by)
        after = Q(**{f"{by}__gt": last}) | Q(**{by: last, "pk__gt": batch[-1].pk})
        left = rows.filter(after, **{f"{by}__gte": last})
