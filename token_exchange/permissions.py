"""May this token do that?"""

from __future__ import annotations

from typing import Any, Self

from rest_framework.permissions import BasePermission, OperationHolderMixin

from token_exchange_core.scopes import is_scope_token


class HasScope(OperationHolderMixin, BasePermission):
    """Allow requests whose token, or credential, has every scope that is named.

    ``permission_classes = [HasScope("reports:read")]`` composes with ``&``, ``|`` and ``~``. The
    refusal is 403 with ``insufficient_scope`` (RFC 6750, section 3.1) under our
    ``exception_handler``.
    """

    def __init__(self, *scopes: str) -> None:
        if not scopes:
            raise TypeError("name at least one scope")
        if not all(map(is_scope_token, scopes)):
            raise ValueError(f"not a scope, or more than one in one string: {scopes}")
        self.scopes = frozenset(scopes)

    def __call__(self) -> Self:
        """Return itself: DRF calls what stands in ``permission_classes``."""
        return self

    def has_permission(self, request: Any, view: Any) -> bool:
        """Compare the scopes."""
        return not self.unmet_scopes(request)

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Answer for an object as for the view, so that ``~`` means the same for both."""
        return not self.unmet_scopes(request)

    def unmet_scopes(self, request: Any) -> frozenset[str]:
        """Return all the scopes if one of them is lacking: that is what a client asks for."""
        granted = getattr(request.auth, "scopes", ())
        # Another authenticator's one string would fall into letters.
        if not isinstance(granted, str) and self.scopes <= frozenset(granted):
            return frozenset()
        return self.scopes
