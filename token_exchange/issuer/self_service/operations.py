"""How do users make, rotate and revoke the API keys that speak for them?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import F

from token_exchange.conf import get_settings
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.issuer.self_service.authority import Authority, lock_authority
from token_exchange.issuer.self_service.caller import Caller
from token_exchange.issuer.self_service.key_request import KeyRequest, policy_for
from token_exchange.issuer.self_service.limits import Bounds
from token_exchange.issuer.self_service.lookup import all_keys, find, within
from token_exchange.issuer.self_service.validation_errors import as_refusal
from token_exchange.models import Credential
from token_exchange.models.credential_state import lives
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.errors import Conflict, InvalidRequest

REASON: Final = "Revoked by its owner."


def create(
    caller: Caller, asked: KeyRequest, *, now: datetime, identifier: str | None = None
) -> IssuedSecret:
    """Make a key for the caller, within what the caller may have.

    An ``identifier`` drawn before makes the call safe to repeat. Raises ``InvalidScope``,
    ``InvalidTarget`` or ``InvalidRequest`` for more than that, ``Conflict`` at the maximum of keys
    and for an identifier that is taken, and what ``lock_authority`` does.
    """
    with _writing(caller, now=now) as (authority, using):
        _check_new(identifier, using=using)
        bounds = authority.bounds
        policy = policy_for(asked, bounds, now=now)
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
        if key.has_ended(now=now):
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
    feed: Any = revoking(using=using) if ends_tokens else nullcontext()
    with transaction.atomic(using=using), feed:
        yield lock_authority(caller, now=now, using=using), using


def _target(caller: Caller, identifier: str, bounds: Bounds, *, using: str) -> Credential:
    """Return the caller's key, locked."""
    rows = find(caller, identifier, using=using)
    rows.update(name=F("name"))
    return within(bounds, rows.first(), identifier)


def _check_room(caller: Caller, authority: Authority, *, now: datetime, using: str) -> None:
    if all_keys(caller, using=using).filter(lives(now=now)).count() >= authority.max_keys:
        raise Conflict(
            "The maximum number of API keys is reached. Revoke one first.", reason="too_many_keys"
        )


def _check_new(identifier: str | None, *, using: str) -> None:
    # The user's row is locked: what this user has drawn nobody else is using up meanwhile.
    if (
        identifier is not None
        and Credential.objects.using(using).filter(identifier=identifier).exists()
    ):
        raise Conflict("The key has been made already.", reason="key_exists")


def _check_overlap(overlap: timedelta | None) -> None:
    longest = get_settings().max_overlap
    if overlap is not None and overlap > longest:
        raise InvalidRequest(
            f"The maximum of overlap is {int(longest.total_seconds())} seconds.",
            reason="overlap_over_maximum",
        )
