"""Which API keys the users of the example may create for themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from token_exchange.issuer.self_service import SelfServiceEntitlement
from token_exchange.models import Organization


def entitlement(user: Any) -> SelfServiceEntitlement | None:
    """Entitle every user to keys of the first organization, valid for a year at most.

    The example has no memberships. A real project would look up the user's own organization.
    """
    organization = Organization.objects.filter(is_active=True).order_by("pk").first()
    if organization is None:
        return None
    return SelfServiceEntitlement(
        organization=organization,
        scopes=["reports:read", "reports:write", "keys:manage"],
        max_lifetime=timedelta(days=365),
        max_keys=5,
    )
