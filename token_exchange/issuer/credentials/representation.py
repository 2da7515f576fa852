"""The public fields of a credential, as the commands and the self-service API show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from token_exchange.models import Credential

TIMES: Final = (
    "created_at",
    "expires_at",
    "previous_secret_expires_at",
    "revoked_at",
    "last_used_at",
)
"""The fields that are times."""


def public_fields(credential: Credential, *, now: datetime) -> dict[str, Any]:
    """Return the fields by name; the values of ``TIMES`` are datetimes, or ``None``.

    ``previous_secret_expires_at`` is ``None`` once the previous secret has expired.
    """
    has_previous_secret = credential.has_previous_secret(now=now)
    return {
        "identifier": credential.identifier,
        "name": credential.name,
        "state": str(credential.state(now=now)),
        "scopes": sorted(credential.scopes),
        "audience": credential.audience,
        "allowed_networks": credential.allowed_networks,
        **{name: getattr(credential, name) for name in TIMES},
        "previous_secret_expires_at": (
            credential.previous_secret_expires_at if has_previous_secret else None
        ),
    }
