"""What a caller may do with API keys at this moment, and the lock that keeps it so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from token_exchange.issuer.self_service.caller import Caller
from token_exchange.issuer.self_service.entitlement import DEFAULT_MAX_KEYS, entitlement_of
from token_exchange.issuer.self_service.limits import KEYS_MANAGE_SCOPE
from token_exchange.models import (
    AbstractOrganization,
    AccessToken,
    Credential,
    parents,
)
from token_exchange.models.credential_policy import CredentialPolicy, effective_audience
from token_exchange_core.errors import AccessDenied, InsufficientScope, InvalidToken
from token_exchange_core.scopes import RESERVED_PREFIX
from token_exchange_core.tokens import Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What a caller may do."""

    organization: AbstractOrganization
    """The keys of another organization are out of reach."""
    bounds: CredentialPolicy
    """The most that a key may have; its token lifetime is what a new key gets."""
    max_keys: int
    key: Credential | None = None
    """The calling key; ``None`` where the user is signed in by session."""

    def covers(self, key: Credential) -> bool:
        """Return whether a stored key lies within the bounds, so that the caller may manage it."""
        is_ours = key.organization_id == self.organization.pk
        return is_ours and CredentialPolicy.of(key).within(self.bounds)


def authority_of(caller: Caller, *, now: datetime, using: str) -> Authority:
    """Return what the caller may do now, as the database says.

    Raises ``AccessDenied``; of a token also ``InsufficientScope`` and ``InvalidToken``.
    """
    if caller.claims is None:
        return _of_session(caller.user, now=now, using=using)
    return _of_token(caller.user, caller.claims, now=now, using=using)


def lock_authority(caller: Caller, *, now: datetime, using: str) -> Authority:
    """Return what ``authority_of`` does, and keep it true until the transaction ends.

    Locks the user's row, so that a user's writes come one after another, and then the row of the
    calling key. An operation that also needs the revocation feed must lock that first.
    """
    if caller.claims is not None and KEYS_MANAGE_SCOPE not in caller.claims.scopes:
        error = InsufficientScope(identifier=caller.claims.client_id)
        error.scope = KEYS_MANAGE_SCOPE
        raise error
    users = parents.users().using(using)
    # An UPDATE that changes nothing, for the reason that CredentialQuerySet.lock gives.
    if users.filter(pk=caller.user.pk, is_active=True).update(is_active=True) != 1:
        raise AccessDenied(reason="owner_inactive")
    if caller.claims is not None:
        _calling_keys(caller.user, caller.claims, using=using).lock()
    return authority_of(caller, now=now, using=using)


def _of_session(user: Any, *, now: datetime, using: str) -> Authority:
    entitlement = entitlement_of(user)
    if entitlement is None:
        raise AccessDenied(reason="no_entitlement")
    organizations = parents.organizations().using(using)
    organization = organizations.filter(pk=entitlement.organization.pk, is_active=True).first()
    if organization is None:
        raise AccessDenied(reason="organization_inactive")
    bounds = CredentialPolicy(
        scopes=_without_reserved(entitlement.scopes),
        audience=effective_audience(entitlement.audience),
        allowed_networks=tuple(entitlement.allowed_networks),
        expires_at=None if entitlement.max_lifetime is None else now + entitlement.max_lifetime,
    )
    return Authority(organization=organization, bounds=bounds, max_keys=entitlement.max_keys)


def _of_token(user: Any, claims: Claims, *, now: datetime, using: str) -> Authority:
    """Return what both the calling key and this token of it allow.

    A token that is narrower than its key must not get the rest through another key.
    """
    keys = _calling_keys(user, claims, using=using).filter(parents.has_active_organization())
    key = keys.select_related("organization").first()
    if key is None or key.has_ended(now=now):
        raise InvalidToken(reason="credential_ended", identifier=claims.client_id)
    _check_current(key, claims, using=using)
    audience = effective_audience(key.audience)
    bounds = CredentialPolicy(
        scopes=_without_reserved(claims.scopes.intersection(key.scopes)),
        audience=tuple(each for each in audience if each in claims.audience),
        allowed_networks=tuple(key.allowed_networks),
        expires_at=key.expires_at,
        token_lifetime=key.token_lifetime,
    )
    entitlement = entitlement_of(user)
    return Authority(
        organization=key.organization,
        bounds=bounds,
        max_keys=DEFAULT_MAX_KEYS if entitlement is None else entitlement.max_keys,
        key=key,
    )


def _check_current(key: Credential, claims: Claims, *, using: str) -> None:
    """Refuse a revoked token, and one that was issued for another secret than the current one."""
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
