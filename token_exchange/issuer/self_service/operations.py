"""What users do with the API keys that act as them: create, rotate, revoke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.core.exceptions import ValidationError
from django.db import router, transaction

from token_exchange.conf import get_settings
from token_exchange.database.lock_timeouts import short_lock_waits
from token_exchange.database.retries import retried
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import EndedDescendants, IssuedSecret
from token_exchange.issuer.self_service.authority import Authority, lock_authority
from token_exchange.issuer.self_service.caller import Caller
from token_exchange.issuer.self_service.limits import (
    KeyRequest,
    as_wire_error,
    check_within,
    requested_policy,
)
from token_exchange.issuer.self_service.lookup import all_keys, find, manageable
from token_exchange.models import Credential
from token_exchange.models.credential_state import lives
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.errors import Conflict, InvalidRequest

REASON: Final = "Revoked by its owner."


class RotatedKey(NamedTuple):
    """A key with its new secret, and what was ended because its old secret leaked."""

    issued: IssuedSecret
    ended: EndedDescendants


@retried
def create(
    caller: Caller, requested: KeyRequest, *, now: datetime, identifier: str | None = None
) -> IssuedSecret:
    """Issue an API key that acts as the caller, within what the caller may give.

    An ``identifier`` drawn before makes the call safe to repeat. Raises ``InvalidScope``,
    ``InvalidTarget`` or ``InvalidRequest`` for more than that, ``Conflict`` at the maximum number
    of keys and for an identifier that is taken, and what ``lock_authority`` raises.
    """
    with _locked_authority(caller, now=now) as (authority, using):
        _check_unused(identifier, using=using)
        policy = requested_policy(requested, authority.bounds, now=now)
        check_within(policy, authority.bounds)
        _check_room(caller, authority, now=now, using=using)
        try:
            return credentials.issue(
                kind=Credential.Kind.API_KEY,
                organization=authority.organization,
                name=requested.label or f"API key of {now:%Y-%m-%d}",
                owner=caller.user,
                policy=policy,
                identifier=identifier,
                act=caller.act(now=now, made_with=authority.key),
            )
        except ValidationError as error:
            raise as_wire_error(error) from error


@retried
def rotate(
    caller: Caller,
    identifier: str,
    *,
    now: datetime,
    overlap: timedelta | None = None,
    compromised: bool = False,
    keep_descendants: bool = False,
    version: int | None = None,
) -> RotatedKey:
    """Replace the secret of one of the caller's keys, as ``credentials.rotate`` does.

    Raises ``NotFound`` for a key that is not the caller's, ``AccessDenied`` for one that has more
    than the caller, ``InvalidRequest`` for an overlap over the maximum, and ``Conflict`` for a key
    that is revoked or expired, still has a previous secret and is not compromised, or whose secret
    has another ``version`` than the given one.
    """
    _check_overlap(overlap)
    revokes_tokens = compromised and _is_live(caller, identifier)
    with _locked_authority(caller, now=now, revokes_tokens=revokes_tokens) as (authority, using):
        key = _target(caller, identifier, authority, using=using)
        if key.has_ended(now=now):
            raise Conflict("The key is revoked or expired. Create a new one.", reason="key_ended")
        if version not in (None, key.secret_version):
            raise Conflict("The key has already been rotated.", reason="key_changed")
        if key.has_previous_secret(now=now) and not compromised:
            raise Conflict(
                "The previous secret is still active. Wait until it expires, or rotate the key as "
                "compromised.",
                reason="previous_secret_lives",
            )
        act = caller.act(now=now, made_with=authority.key)
        issued = credentials.rotate(
            key,
            overlap=overlap,
            compromised=compromised,
            keep_descendants=True,
            act=act,
        )
        if not compromised or keep_descendants:
            return RotatedKey(issued, EndedDescendants())
        return RotatedKey(issued, credentials.end_descendants(key, act=act))


@retried
def revoke(
    caller: Caller, identifier: str, *, now: datetime, keep_descendants: bool = False
) -> EndedDescendants:
    """Revoke one of the caller's keys and all its tokens; a revoked key stays as it is.

    Keys that were created or rotated with it are ended as ``credentials.revoke`` does. Their
    bounds don't matter: the caller gets none of their new secrets. Raises ``NotFound`` and
    ``AccessDenied`` as ``rotate`` does.
    """
    revokes_tokens = _is_live(caller, identifier)
    with _locked_authority(caller, now=now, revokes_tokens=revokes_tokens) as (authority, using):
        key = _target(caller, identifier, authority, using=using)
        if key.revoked_at is not None:
            return EndedDescendants()
        act = caller.act(now=now, reason=REASON)
        cause = Credential.RevocationCause.OWNER
        credentials.revoke(key, cause=cause, keep_descendants=True, act=act)
        return EndedDescendants() if keep_descendants else credentials.end_descendants(key, act=act)


def _is_live(caller: Caller, identifier: str) -> bool:
    """Return whether this is a key of the caller that is not revoked.

    For any other, the feed need not be locked.
    """
    rows = find(caller, identifier, using=router.db_for_write(Credential))
    return bool(rows.filter(revoked_at=None).exists())


@contextmanager
def _locked_authority(
    caller: Caller, *, now: datetime, revokes_tokens: bool = False
) -> Iterator[tuple[Authority, str]]:
    using = router.db_for_write(Credential)
    # The feed is locked before any row, as everywhere, or two operations could deadlock.
    waits: Any = revoking if revokes_tokens else short_lock_waits
    with transaction.atomic(using=using), waits(using=using):
        yield lock_authority(caller, now=now, using=using), using


def _target(caller: Caller, identifier: str, authority: Authority, *, using: str) -> Credential:
    """Return the caller's key, locked."""
    rows = find(caller, identifier, using=using)
    rows.lock()
    return manageable(authority, rows.first(), identifier)


def _check_room(caller: Caller, authority: Authority, *, now: datetime, using: str) -> None:
    if all_keys(caller, using=using).filter(lives(now=now)).count() >= authority.max_keys:
        raise Conflict(
            "The maximum number of API keys is reached. Revoke one to create another.",
            reason="too_many_keys",
        )


def _check_unused(identifier: str | None, *, using: str) -> None:
    # The user's row is locked, so no other request uses an identifier drawn for this user.
    if (
        identifier is not None
        and Credential.objects.using(using).filter(identifier=identifier).exists()
    ):
        raise Conflict("The key has already been created.", reason="key_exists")


def _check_overlap(overlap: timedelta | None) -> None:
    try:
        credentials.check_overlap(overlap or timedelta(0))
    except ValidationError as error:
        longest = get_settings().max_overlap.total_seconds()
        raise InvalidRequest(
            f"The overlap can be at most {int(longest)} seconds.", reason="overlap_over_maximum"
        ) from error
