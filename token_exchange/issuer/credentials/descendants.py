"""Credentials that were created or rotated with a token of another credential."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import router

from token_exchange.models import Credential
from token_exchange.models.secret_origin import SecretOrigin


class Descendant(NamedTuple):
    """A credential that someone else's token obtained a secret of."""

    credential: Credential
    was_created: bool
    """Whether its first secret was obtained so; otherwise it was only rotated."""


def descendants_of(credentials: Collection[Credential], *, now: datetime) -> list[Descendant]:
    """Return the live credentials that were created or rotated with tokens of ``credentials``.

    Also those that were created or rotated with one of these, and so on; not the ``credentials``
    themselves. Only those whose current secret, or previous one that still works, was obtained so,
    and expired ones as well, because their expiry can be changed. Three queries at most.
    """
    using = router.db_for_write(SecretOrigin)
    identifiers = {each.identifier for each in credentials}
    versions: dict[str, set[int]] = defaultdict(set)
    for identifier, number in SecretOrigin.objects.using(using).obtained_with(identifiers):
        versions[identifier].add(number)
    found = versions.keys() - identifiers
    if not found:
        return []
    rows = Credential.objects.using(using).filter(identifier__in=found, revoked_at=None)
    return [
        Descendant(row, was_created=1 in versions[row.identifier])
        for row in rows.select_related("organization", "owner").order_by("pk")
        if not versions[row.identifier].isdisjoint(_working(row, now=now))
    ]


def _working(credential: Credential, *, now: datetime) -> set[int]:
    current = credential.secret_version
    return {current, current - 1} if credential.has_previous_secret(now=now) else {current}
