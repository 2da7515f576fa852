"""What is somebody told whose key cannot be made as it was asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.core.exceptions import ValidationError

from token_exchange_core.errors import (
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    TokenExchangeError,
)

_BY_FIELD: Final[Mapping[str, TokenExchangeError]] = {
    "scopes": InvalidScope(
        "The requested scope is not one that a key can have.", reason="unusable_scope"
    ),
    "audience": InvalidTarget(
        "The requested audience is not one that a key can have.", reason="unusable_audience"
    ),
    "name": InvalidRequest(
        "The parameter label must be a string of at most 255 characters, none a control character.",
        reason="malformed_label",
    ),
    "allowed_networks": InvalidRequest(
        "The parameter allowed_networks must be networks such as 192.0.2.0/24 or 2001:db8::/32.",
        reason="malformed_allowed_networks",
    ),
    "expires_at": InvalidRequest(
        "The expiry must be in the future, and no later than keys of this service may expire.",
        reason="expiry_refused",
    ),
}


def as_refusal(error: ValidationError) -> TokenExchangeError:
    """Return a validation's complaint as an error of the wire, in constant words.

    Its own are for people: translated, and with what was sent in them.
    """
    complaints = error.update_error_dict({})
    for field, example in _BY_FIELD.items():
        if field in complaints:
            return type(example)(example.description, reason=example.reason)
    return InvalidRequest(reason="unusable_key")
