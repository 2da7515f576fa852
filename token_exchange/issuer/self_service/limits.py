"""The limits of a key that a user issues: what was requested, and what the caller may give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError

from token_exchange.conf import get_settings
from token_exchange.issuer.credentials import CredentialPolicy
from token_exchange.models.credential_policy import effective_audience
from token_exchange.models.validators import SECRET_CODE, validate_networks
from token_exchange_core.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    TokenExchangeError,
)

KEYS_MANAGE_SCOPE: Final = "keys:manage"
"""A token without this scope can only list keys."""

_UNUSABLE: Final[Mapping[str, TokenExchangeError]] = {
    "scopes": InvalidScope(
        "The requested scope is not one that a key can have.", reason="unusable_scope"
    ),
    "audience": InvalidTarget(
        "The requested audience is not one that a key can have.", reason="unusable_audience"
    ),
    "name": InvalidRequest(
        "The parameter label must be a string of at most 255 characters, "
        "without control characters.",
        reason="malformed_label",
    ),
    "allowed_networks": InvalidRequest(
        "The parameter allowed_networks must be networks such as 192.0.2.0/24 or 2001:db8::/32.",
        reason="malformed_allowed_networks",
    ),
    "expires_at": InvalidRequest(
        "The expiry must be in the future and within the maximum lifetime of keys.",
        reason="expiry_refused",
    ),
}

_LOOKS_LIKE_A_SECRET: Final = (
    "A value looks like a secret, so it was not stored. Send other text. If it is a secret, rotate "
    "it, because others may have seen it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a new key should have; ``None`` stands for what the caller has."""

    label: str | None = None
    scopes: frozenset[str] | None = None
    """``None`` stands for all scopes of the caller but ``keys:manage``."""
    audience: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None
    expires_at: datetime | None = None


def requested_policy(
    requested: KeyRequest, bounds: CredentialPolicy, *, now: datetime
) -> CredentialPolicy:
    """Return the policy of the requested key, which may lie outside the bounds.

    Raises ``InvalidRequest`` for networks that are none.
    """
    networks = requested.allowed_networks
    if networks is not None:
        _check_networks(networks)
    audience = requested.audience
    scopes = requested.scopes
    return CredentialPolicy(
        scopes=bounds.scopes - {KEYS_MANAGE_SCOPE} if scopes is None else scopes,
        audience=_stored_audience(bounds) if audience is None else audience,
        token_lifetime=bounds.token_lifetime,
        allowed_networks=bounds.allowed_networks if networks is None else networks,
        expires_at=requested.expires_at or latest_expiry(bounds, now=now),
    )


def check_within(policy: CredentialPolicy, bounds: CredentialPolicy) -> None:
    """Raise ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest`` beyond the bounds."""
    excess = policy.excess(bounds)
    if excess == "scopes":
        raise InvalidScope(
            "The requested scope exceeds what the caller can grant.", reason="scope_not_granted"
        )
    if excess == "audience":
        raise InvalidTarget(
            "The requested audience is unknown, or the caller cannot grant it.",
            reason="audience_not_allowed",
        )
    if excess == "allowed_networks":
        raise InvalidRequest(
            f"The parameter allowed_networks must lie within {', '.join(bounds.allowed_networks)}.",
            reason="networks_out_of_bounds",
        )
    if excess == "expires_at" and bounds.expires_at is not None:
        raise InvalidRequest(
            f"The key must expire by {bounds.expires_at.isoformat(timespec='seconds')}.",
            reason="expiry_out_of_bounds",
        )


def latest_expiry(bounds: CredentialPolicy, *, now: datetime) -> datetime | None:
    """Return the latest expiry that a key may have, or ``None`` if it need not expire."""
    longest = get_settings().max_key_lifetime
    limits = (bounds.expires_at, None if longest is None else now + longest)
    return min((each for each in limits if each is not None), default=None)


def as_wire_error(error: ValidationError) -> TokenExchangeError:
    """Return a validation error as an error of the wire, with a constant text.

    Its own texts are for people: translated, and with the input in them.
    """
    fields = error.update_error_dict({})
    if any(each.code == SECRET_CODE for errors in fields.values() for each in errors):
        return InvalidRequest(_LOOKS_LIKE_A_SECRET, reason="secret_in_text")
    for field, example in _UNUSABLE.items():
        if field in fields:
            return type(example)(example.description, reason=example.reason)
    return InvalidRequest(reason="unusable_key")


def _check_networks(networks: tuple[str, ...]) -> None:
    try:
        validate_networks(list(networks))
    except ValidationError as error:
        raise as_wire_error(ValidationError({"allowed_networks": error})) from error


def _stored_audience(bounds: CredentialPolicy) -> tuple[str, ...]:
    # This service's own audience is stored as empty, because the setting may change.
    return () if bounds.effective_audience == {*effective_audience(())} else bounds.audience
