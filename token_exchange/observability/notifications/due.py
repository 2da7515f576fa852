"""Of what should somebody be told, and has not been?

Each end has one column that says when it was announced and one that says when it was mailed. Who is
about to tell claims the column first, by one conditional UPDATE, so that of two workers one tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, cast

from django.db.models import F, Q, Value

from token_exchange.conf import get_settings
from token_exchange.models import Credential
from token_exchange.models.credential_queryset import CredentialQuerySet

PREVIOUS_SECRET_NOTICE: Final = timedelta(days=1)
"""How long before its end a previous secret in use is told of; half the overlap if that is less."""

LEAK_NEWS: Final = timedelta(days=7)
"""How long a leak is news: after that no mail of it is tried again."""

BATCH_ROWS: Final = 500

_ENDS: Final = ("expires_at", "previous_secret_expires_at", "revoked_at")


class ToldAlready(Exception):
    """Somebody else tells of it, or it ends at another time than was read."""


def expiring(told: str, *, now: datetime) -> Iterator[Credential]:
    """Find those that have crossed one of ``EXPIRY_WARNINGS`` since the time in column ``told``.

    Of several that were crossed at once the last one counts. One that the credential was made
    beyond says nothing: who issues a key for a week knows that it ends in a month.
    """
    nearer = timedelta(0)
    for notice in get_settings().expiry_warnings:
        crossed_at = F("expires_at") - Value(notice)
        untold = Q(**{told: None}) | Q(**{f"{told}__lt": crossed_at})
        rows = _alive().filter(
            untold,
            expires_at__gt=now + nearer,
            expires_at__lte=now + notice,
            created_at__lt=crossed_at,
        )
        yield from _in_order(rows, by="expires_at")
        nearer = notice


def with_previous_secret_in_use(told: str, *, now: datetime) -> Iterator[Credential]:
    """Find those whose previous secret ends soon and was used since the rotation."""
    rows = _alive().filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        previous_secret_expires_at__gt=now,
        previous_secret_expires_at__lte=now + PREVIOUS_SECRET_NOTICE,
        previous_secret_last_used_at__isnull=False,
        **{told: None},
    )
    for credential in _in_order(rows, by="previous_secret_expires_at"):
        ends_at = cast("datetime", credential.previous_secret_expires_at)
        half = (ends_at - credential.secret_issued_at) / 2
        if now >= ends_at - min(half, PREVIOUS_SECRET_NOTICE):
            yield credential


def leaked(told: str, *, now: datetime) -> Iterator[Credential]:
    """Find those that were revoked as leaked, and of which nobody has been told since."""
    untold = Q(**{told: None}) | Q(**{f"{told}__lt": F("revoked_at")})
    rows = _credentials().filter(
        untold,
        revoked_at__gt=now - LEAK_NEWS,
        revoked_at__lte=now,
        revocation_cause=Credential.RevocationCause.LEAK,
    )
    yield from _in_order(rows, by="revoked_at")


def claim(credential: Credential, told: str, *, now: datetime) -> None:
    """Write ``now`` into the column ``told``, and so be the one who tells.

    Raises ``ToldAlready`` if anybody else has, or if another end was set since the row was read.
    """
    as_read = {name: getattr(credential, name) for name in (told, *_ENDS)}
    rows = Credential.objects.on_writer().filter(pk=credential.pk, **as_read)
    if rows.update(**{told: now}) != 1:
        raise ToldAlready


def release(credential: Credential, told: str, *, now: datetime) -> None:
    """Take back what ``claim`` wrote at ``now``: the next run tells."""
    rows = Credential.objects.on_writer().filter(pk=credential.pk, **{told: now})
    rows.update(**{told: getattr(credential, told)})


def _credentials() -> CredentialQuerySet:
    return Credential.objects.on_writer().select_related("organization", "owner")


def _alive() -> CredentialQuerySet:
    """Keep what works today: who is inactive is told once that has changed."""
    speaks = Q(subject_type=Credential.SubjectType.ORGANIZATION) | Q(owner__is_active=True)
    return _credentials().filter(speaks, revoked_at=None, organization__is_active=True)


def _in_order(rows: CredentialQuerySet, *, by: str) -> Iterator[Credential]:
    """Read all rows, each once, in batches by an indexed time, whoever tells meanwhile."""
    left = rows
    while True:
        batch = list(left.order_by(by, "pk")[:BATCH_ROWS])
        yield from batch
        if len(batch) < BATCH_ROWS:
            return
        last = getattr(batch[-1], by)
        after = Q(**{f"{by}__gt": last}) | Q(**{by: last, "pk__gt": batch[-1].pk})
        left = rows.filter(after, **{f"{by}__gte": last})
