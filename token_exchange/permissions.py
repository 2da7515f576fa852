"""DRF permission by the scopes of a token or credential."""

from __future__ import annotations

from typing import Any, Self

from rest_framework.permissions import BasePermission, OperationHolderMixin

from token_exchange_core.scopes import is_scope_token


class HasScope(OperationHolderMixin, BasePermission):
    """Allow requests whose token or credential has all of these scopes.

    ``permission_classes = [HasScope("reports:read")]`` can be combined with ``&``, ``|`` and ``~``.
    With our ``exception_handler``, a refusal is 403 with ``insufficient_scope`` (RFC 6750, section
    3.1).
    """

    def __init__(self, *scopes: str) -> None:
        if not scopes:
            raise TypeError("name at least one scope")
        if not all(map(is_scope_token, scopes)):
            raise ValueError(f"not a scope, or more than one in one string: {scopes}")
        self.scopes = frozenset(scopes)

    def __call__(self) -> Self:
        """Return itself, because DRF calls each entry of ``permission_classes``."""
        return self

    def has_permission(self, request: Any, view: Any) -> bool:
        """Return whether the request has all scopes."""
        return not self.unmet_scopes(request)

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        """Do the same for an object as for the view, so that ``~`` means the same for both."""
        return not self.unmet_scopes(request)

    def unmet_scopes(self, request: Any) -> frozenset[str]:
        """Return all required scopes if the request lacks one, otherwise none."""
        granted = getattr(request.auth, "scopes", ())
        # Another authenticator may have a string, which would be split into letters.
        if not isinstance(granted, str) and self.scopes <= frozenset(granted):
            return frozenset()
        return self.scopes
