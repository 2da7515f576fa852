"""What is a new key to be, of all that its maker may give?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from token_exchange.conf import get_settings
from token_exchange.issuer.self_service.authority import KEYS_MANAGE_SCOPE
from token_exchange.issuer.self_service.limits import Bounds, Policy, effective_audience
from token_exchange.issuer.self_service.validation_errors import as_refusal
from token_exchange.models.validators import validate_networks


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a new key is to be; ``None`` is what the caller has."""

    label: str | None = None
    scopes: frozenset[str] | None = None
    """``None`` is all that the caller has but ``keys:manage``, which must be asked for."""
    audience: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None
    expires_at: datetime | None = None


def policy_for(asked: KeyRequest, bounds: Bounds, *, now: datetime) -> Policy:
    """Return what is asked for; what is not is what the maker has."""
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
        expires_at=latest_expiry(bounds, now=now) if expires_at is None else expires_at,
    )


def latest_expiry(bounds: Bounds, *, now: datetime) -> datetime | None:
    """Return when a key must have expired; ``None``: it need not."""
    longest = get_settings().max_key_lifetime
    limits = (bounds.expires_at, None if longest is None else now + longest)
    return min((each for each in limits if each is not None), default=None)


def _check_networks(networks: tuple[str, ...]) -> None:
    try:
        validate_networks(list(networks))
    except ValidationError as error:
        raise as_refusal(ValidationError({"allowed_networks": error})) from error


def _audience(bounds: Bounds) -> tuple[str, ...]:
    """Return the bounds' own; where that is this service's, stored as such, for it may move."""
    return () if bounds.audience == effective_audience(()) else bounds.audience
