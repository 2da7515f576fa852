"""What the setting SELF_SERVICE_GRANT names in the tests."""

from __future__ import annotations

from typing import Any

from token_exchange.issuer.self_service import SelfServiceGrant
from token_exchange.models import Organization

PATH = "tests.self_service.entitlements.grant"

granted: dict[str, Any] = {}
"""What everybody is granted; ``None`` for ``organization``: nothing."""


def grant(user: Any) -> SelfServiceGrant | None:
    if granted.get("organization") is None:
        return None
    return SelfServiceGrant(**granted)


def organization_of(user: Any) -> Organization:
    """Grant something that is no grant."""
    return Organization.objects.get()
