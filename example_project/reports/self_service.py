"""Which API keys may a user of the example make?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from token_exchange.issuer.self_service import SelfServiceGrant
from token_exchange.models import Organization


def grant(user: Any) -> SelfServiceGrant | None:
    """Return what every user may have: keys of the first organization, for a year at most.

    The example knows of no members; a project would look for the user's own organization.
    """
    organization = Organization.objects.filter(is_active=True).order_by("pk").first()
    if organization is None:
        return None
    return SelfServiceGrant(
        organization=organization,
        scopes=["reports:read", "reports:write", "keys:manage"],
        max_lifetime=timedelta(days=365),
        max_keys=5,
    )
