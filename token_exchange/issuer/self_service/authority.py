"""How far does a caller's power over keys reach, until the transaction ends?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import F

from token_exchange.issuer.self_service.caller import Caller
from token_exchange.issuer.self_service.entitlement import DEFAULT_MAX_KEYS, entitlement_of
from token_exchange.issuer.self_service.limits import Bounds, effective_audience
from token_exchange.models import AccessToken, Credential, get_organization_model
from token_exchange_core.errors import AccessDenied, InsufficientScope, InvalidToken
from token_exchange_core.scopes import RESERVED_PREFIX
from token_exchange_core.tokens import Claims

KEYS_MANAGE_SCOPE: Final = "keys:manage"
"""Without it a token can only list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What a caller may do."""

    bounds: Bounds
    max_keys: int


def authority_of(caller: Caller, *, now: datetime, using: str) -> Authority:
    """Return what the caller may do at this moment, from what is stored.

    Raises ``AccessDenied``; of a token also ``InsufficientScope`` and ``InvalidToken``.
    """
    if caller.claims is None:
        return _of_session(caller.user, now=now, using=using)
    return _of_token(caller.user, caller.claims, now=now, using=using)


def lock_authority(caller: Caller, *, now: datetime, using: str) -> Authority:
    """Return what ``authority_of`` does, and let nobody take it away before the commit.

    Locks the user's row, so that a user's writes come one after another, and then the calling
    key's. Whoever needs the feed as well takes that first.
    """
    if caller.claims is not None and KEYS_MANAGE_SCOPE not in caller.claims.scopes:
        error = InsufficientScope(identifier=caller.claims.client_id)
        error.scope = KEYS_MANAGE_SCOPE
        raise error
    users = get_user_model()._base_manager.using(using)
    # An UPDATE and not SELECT FOR UPDATE: SQLite fails a transaction that reads first.
    if users.filter(pk=caller.user.pk, is_active=True).update(is_active=True) != 1:
        raise AccessDenied(reason="owner_inactive")
    if caller.claims is not None:
        _calling_keys(caller.user, caller.claims, using=using).update(name=F("name"))
    return authority_of(caller, now=now, using=using)


def _of_session(user: Any, *, now: datetime, using: str) -> Authority:
    entitlement = entitlement_of(user)
    if entitlement is None:
        raise AccessDenied(reason="no_entitlement")
    organizations = get_organization_model()._base_manager.using(using)
    organization = organizations.filter(pk=entitlement.organization.pk, is_active=True).first()
    if organization is None:
        raise AccessDenied(reason="organization_inactive")
    bounds = Bounds(
        organization=organization,
        scopes=_without_reserved(entitlement.scopes),
        audience=effective_audience(entitlement.audience),
        allowed_networks=tuple(entitlement.allowed_networks),
        expires_at=None if entitlement.max_lifetime is None else now + entitlement.max_lifetime,
    )
    return Authority(bounds=bounds, max_keys=entitlement.max_keys)


def _of_token(user: Any, claims: Claims, *, now: datetime, using: str) -> Authority:
    """Return what both the calling key and this token of it may have.

    A token that was made narrower than its key must not get the rest of it from another key.
    """
    key = _calling_keys(user, claims, using=using).select_related("organization").first()
    if key is None or key.has_ended(now=now) or not key.organization.is_active:
        raise InvalidToken(reason="credential_ended", identifier=claims.client_id)
    _check_current(key, claims, using=using)
    audience = effective_audience(key.audience)
    bounds = Bounds(
        organization=key.organization,
        scopes=_without_reserved(claims.scopes.intersection(key.scopes)),
        audience=tuple(each for each in audience if each in claims.audience),
        allowed_networks=tuple(key.allowed_networks),
        expires_at=key.expires_at,
        token_lifetime=key.token_lifetime,
    )
    entitlement = entitlement_of(user)
    return Authority(
        bounds=bounds, max_keys=DEFAULT_MAX_KEYS if entitlement is None else entitlement.max_keys
    )


def _check_current(key: Credential, claims: Claims, *, using: str) -> None:
    """Refuse a token that is dead, and one that was minted for another secret than today's."""
    rows = AccessToken.objects.using(using).filter(
        jti=claims.jti, credential=key, generation=key.generation, revoked_at=None
    )
    version = rows.values_list("secret_version", flat=True).first()
    if version is None:
        raise InvalidToken(reason="token_ended", identifier=key.identifier)
    if version != key.secret_version:
        raise AccessDenied(
            "Tokens of a previous secret cannot manage keys. Exchange the key's current secret.",
            reason="previous_secret",
            identifier=key.identifier,
        )


def _calling_keys(user: Any, claims: Claims, *, using: str) -> Any:
    return Credential.objects.using(using).filter(identifier=claims.client_id, owner=user)


def _without_reserved(scopes: Any) -> frozenset[str]:
    return frozenset(each for each in scopes if not each.startswith(RESERVED_PREFIX))
