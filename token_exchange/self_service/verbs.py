"""How do users list, make, rotate and revoke the API keys that speak for them?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import F, Q

from token_exchange import credentials
from token_exchange.conf import get_settings
from token_exchange.core.errors import AccessDenied, Conflict, InvalidRequest, NotFound
from token_exchange.credentials import IssuedSecret
from token_exchange.models import Credential
from token_exchange.models.policy import CredentialQuerySet
from token_exchange.models.recording import recording
from token_exchange.models.states import State
from token_exchange.models.validators import validate_networks
from token_exchange.self_service.authority import KEYS_MANAGE_SCOPE, Authority, lock_authority
from token_exchange.self_service.bounds import Bounds, Policy, effective_audience
from token_exchange.self_service.callers import Caller
from token_exchange.self_service.grants import grant_of
from token_exchange.self_service.refusals import as_refusal

PAGE_SIZE: Final = 100
REASON: Final = "Revoked by its owner."

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a new key is to be; ``None`` is what the caller has."""

    label: str | None = None
    scopes: frozenset[str] | None = None
    """``None`` is all that the caller has but ``keys:manage``, which must be asked for."""
    audience: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """Some of a user's keys, the newest first."""

    keys: list[Credential]
    next: str | None
    """The identifier to go on after; ``None``: these were the last."""


def keys_of(caller: Caller, *, after: str | None = None) -> KeyPage:
    """Return at most ``PAGE_SIZE`` of the caller's keys, from the one after ``after`` on.

    Raises ``AccessDenied`` for a session without a grant, ``InvalidRequest`` for an ``after`` that
    is no key of the caller's.
    """
    if caller.claims is None and grant_of(caller.user) is None:
        raise AccessDenied(reason="no_grant")
    rows = _keys(caller, using=router.db_for_write(Credential))
    if after is not None:
        mark = rows.filter(identifier=after).first() if _IDENTIFIER.fullmatch(after) else None
        if mark is None:
            raise InvalidRequest(
                "The parameter after must be that of an earlier answer.", reason="malformed_query"
            )
        rows = rows.filter(pk__lt=mark.pk)
    found = list(rows.order_by("-pk")[: PAGE_SIZE + 1])
    keys = found[:PAGE_SIZE]
    return KeyPage(keys=keys, next=keys[-1].identifier if len(found) > PAGE_SIZE else None)


def create(
    caller: Caller, asked: KeyRequest, *, now: datetime, identifier: str | None = None
) -> IssuedSecret:
    """Make a key for the caller, within what the caller may have.

    An ``identifier`` drawn before makes the call safe to repeat. Raises ``InvalidScope``,
    ``InvalidTarget`` or ``InvalidRequest`` for more than that, ``Conflict`` at the maximum of keys,
    ``CredentialConflict`` for an identifier that is taken, and what ``lock_authority`` does.
    """
    with _writing(caller, now=now) as (authority, using):
        bounds = authority.bounds
        policy = _policy(asked, bounds, now=now)
        bounds.check(policy)
        _check_room(caller, authority, now=now, using=using)
        try:
            return credentials.issue(
                kind=Credential.Kind.API_KEY,
                organization=bounds.organization,
                name=asked.label or f"API key of {now:%Y-%m-%d}",
                owner=caller.user,
                scopes=policy.scopes,
                audience=policy.audience,
                token_lifetime=bounds.token_lifetime,
                allowed_networks=policy.allowed_networks,
                expires_at=policy.expires_at,
                identifier=identifier,
                now=now,
                by=caller.user,
                origin=caller.origin,
            )
        except ValidationError as error:
            raise as_refusal(error) from error


def rotate(
    caller: Caller,
    identifier: str,
    *,
    now: datetime,
    overlap: timedelta | None = None,
    compromised: bool = False,
    version: int | None = None,
) -> IssuedSecret:
    """Give a key of the caller's a new secret; overlap and compromise are those of the verb.

    Raises ``NotFound`` for a key that is not the caller's, ``AccessDenied`` for one that has more
    than the caller, and ``Conflict`` for one that has ended, still has a previous secret and is not
    compromised, or has another ``version`` of its secret than the given one.
    """
    _check_overlap(overlap)
    with _writing(caller, now=now, ends_tokens=compromised) as (authority, using):
        key = _target(caller, identifier, authority.bounds, using=using)
        if {State.REVOKED, State.EXPIRED}.intersection(key.states(now=now)):
            raise Conflict("The key has ended. Make a new one.", reason="key_ended")
        if version not in (None, key.secret_version):
            raise Conflict("The key has been rotated meanwhile.", reason="key_changed")
        if key.has_previous_secret(now=now) and not compromised:
            raise Conflict(
                "The previous secret still works. Wait until it has ended, or rotate the key as "
                "compromised.",
                reason="previous_secret_lives",
            )
        return credentials.rotate(
            key,
            now=now,
            overlap=overlap,
            compromised=compromised,
            by=caller.user,
            origin=caller.origin,
        )


def revoke(caller: Caller, identifier: str, *, now: datetime) -> None:
    """End a key of the caller's, and all its tokens; one that has been revoked stays as it is.

    Raises ``NotFound`` and ``AccessDenied`` as ``rotate`` does.
    """
    with _writing(caller, now=now, ends_tokens=True) as (authority, using):
        key = _target(caller, identifier, authority.bounds, using=using)
        if key.revoked_at is None:
            credentials.revoke(key, now=now, reason=REASON, by=caller.user, origin=caller.origin)


@contextmanager
def _writing(
    caller: Caller, *, now: datetime, ends_tokens: bool = False
) -> Iterator[tuple[Authority, str]]:
    using = router.db_for_write(Credential)
    # The feed is locked before any row, as everywhere: or two would wait for one another.
    feed: Any = recording(using=using) if ends_tokens else nullcontext()
    with transaction.atomic(using=using), feed:
        yield lock_authority(caller, now=now, using=using), using


def _keys(caller: Caller, *, using: str) -> CredentialQuerySet:
    return Credential.objects.using(using).filter(kind=Credential.Kind.API_KEY, owner=caller.user)


def _target(caller: Caller, identifier: str, bounds: Bounds, *, using: str) -> Credential:
    """Return the caller's key, locked; whether another one exists is nobody's business."""
    if _IDENTIFIER.fullmatch(identifier) is None:
        raise NotFound(reason="unknown_key")
    rows = _keys(caller, using=using).filter(identifier=identifier)
    rows.update(name=F("name"))
    key = rows.first()
    if key is None or key.identifier != identifier:  # a collation may have ignored the case
        raise NotFound(reason="unknown_key")
    if not bounds.contain(key):
        raise AccessDenied(
            "The key has more than the caller may manage.",
            reason="key_out_of_bounds",
            identifier=identifier,
        )
    return key


def _policy(asked: KeyRequest, bounds: Bounds, *, now: datetime) -> Policy:
    """Return what is asked for; what is not is what the caller has."""
    networks = asked.allowed_networks
    if networks is None:
        networks = bounds.allowed_networks
    else:
        _check_networks(networks)
    expires_at = asked.expires_at
    return Policy(
        organization_id=bounds.organization.pk,
        scopes=bounds.scopes - {KEYS_MANAGE_SCOPE} if asked.scopes is None else asked.scopes,
        audience=_audience(bounds) if asked.audience is None else asked.audience,
        allowed_networks=networks,
        expires_at=_latest_expiry(bounds, now=now) if expires_at is None else expires_at,
    )


def _check_networks(networks: tuple[str, ...]) -> None:
    try:
        validate_networks(list(networks))
    except ValidationError as error:
        raise as_refusal(ValidationError({"allowed_networks": error})) from error


def _audience(bounds: Bounds) -> tuple[str, ...]:
    """Return the bounds' own; where that is this service's, stored as such, for it may move."""
    return () if bounds.audience == effective_audience(()) else bounds.audience


def _latest_expiry(bounds: Bounds, *, now: datetime) -> datetime | None:
    longest = get_settings().max_key_lifetime
    limits = (bounds.expires_at, None if longest is None else now + longest)
    return min((each for each in limits if each is not None), default=None)


def _check_room(caller: Caller, authority: Authority, *, now: datetime, using: str) -> None:
    lives = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    if _keys(caller, using=using).filter(lives).count() >= authority.max_keys:
        raise Conflict(
            "The maximum number of API keys is reached. Revoke one first.", reason="too_many_keys"
        )


def _check_overlap(overlap: timedelta | None) -> None:
    longest = get_settings().max_overlap
    if overlap is not None and overlap > longest:
        raise InvalidRequest(
            f"The maximum of overlap is {int(longest.total_seconds())} seconds.",
            reason="overlap_over_maximum",
        )
