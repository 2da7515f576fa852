"""Look-up of the API keys that act as a user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import router

from token_exchange.issuer.self_service.authority import Authority, authority_of
from token_exchange.issuer.self_service.caller import Caller
from token_exchange.issuer.self_service.entitlement import entitlement_of
from token_exchange.models import Credential
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange_core.errors import AccessDenied, InvalidRequest, NotFound

PAGE_SIZE: Final = 100

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """Some of a user's keys, the newest first."""

    keys: list[Credential]
    next: str | None
    """The identifier after which the next page begins; ``None`` on the last page."""


def keys_of(caller: Caller, *, after: str | None = None) -> KeyPage:
    """Return at most ``PAGE_SIZE`` of the caller's keys, from the one after ``after`` on.

    Raises ``AccessDenied`` for a session without an entitlement, and ``InvalidRequest`` if
    ``after`` is not the identifier of one of the caller's keys.
    """
    if caller.claims is None and entitlement_of(caller.user) is None:
        raise AccessDenied(reason="no_entitlement")
    rows = all_keys(caller, using=router.db_for_write(Credential))
    if after is not None:
        mark = rows.filter(identifier=after).first() if _IDENTIFIER.fullmatch(after) else None
        if mark is None:
            raise InvalidRequest(
                "The parameter after must come from an earlier response.", reason="malformed_query"
            )
        rows = rows.filter(pk__lt=mark.pk)
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    keys = found[:PAGE_SIZE]
    return KeyPage(keys=keys, next=keys[-1].identifier if len(found) > PAGE_SIZE else None)


def key_of(caller: Caller, identifier: str, *, now: datetime) -> Credential:
    """Return a key that the caller may manage.

    Raises ``NotFound`` and ``AccessDenied`` as ``rotate`` does.
    """
    using = router.db_for_write(Credential)
    authority = authority_of(caller, now=now, using=using)
    return manageable(authority, find(caller, identifier, using=using).first(), identifier)


def all_keys(caller: Caller, *, using: str) -> CredentialQuerySet[Credential]:
    """Return every API key that acts as the caller."""
    return Credential.objects.using(using).filter(kind=Credential.Kind.API_KEY, owner=caller.user)


def find(caller: Caller, identifier: str, *, using: str) -> CredentialQuerySet[Credential]:
    """Return the key, or none. Raises ``NotFound`` for text that is no identifier."""
    if _IDENTIFIER.fullmatch(identifier) is None:
        raise NotFound(reason="unknown_key")
    return all_keys(caller, using=using).filter(identifier=identifier)


def manageable(authority: Authority, key: Credential | None, identifier: str) -> Credential:
    """Return the key that was found if the caller may manage it.

    Raises ``NotFound`` and ``AccessDenied``.
    """
    # The same answer for an unknown key and for another user's; a collation may ignore the case.
    if key is None or key.identifier != identifier:
        raise NotFound(reason="unknown_key")
    if not authority.covers(key):
        raise AccessDenied(
            "The key has more access than the caller can manage.",
            reason="key_out_of_bounds",
            identifier=identifier,
        )
    return key
