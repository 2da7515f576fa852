"""The act of an operator in the admin, for the audit trail."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone

from token_exchange.observability.audit import Act
from token_exchange.request import client_address


def act_of(request: HttpRequest, *, reason: str = "") -> Act:
    """Return the act of the signed-in operator, now, from the address of the request."""
    return Act(now=timezone.now(), by=request.user, origin=client_address(request), reason=reason)
