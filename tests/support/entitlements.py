"""Callables for the setting ``SELF_SERVICE_ENTITLEMENT``, and the values that they return."""

from __future__ import annotations

from typing import Any

from token_exchange.issuer.self_service import SelfServiceEntitlement
from token_exchange.models import Organization

PATH = "tests.support.entitlements.entitlement"

values: dict[str, Any] = {}
"""What every user is entitled to; nothing if ``organization`` is ``None`` or missing."""


def entitlement(user: Any) -> SelfServiceEntitlement | None:
    if values.get("organization") is None:
        return None
    return SelfServiceEntitlement(**values)


def organization_of(user: Any) -> Organization:
    """Return something that is not an entitlement."""
    return Organization.objects.get()
