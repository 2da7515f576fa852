"""The view that every subject's authentication protects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


def protected(
    *authentication: type[BaseAuthentication], permission: type[BasePermission] = IsAuthenticated
) -> Callable[..., Any]:
    """Return a view that answers to those whom ``authentication`` knows."""

    class ProtectedView(APIView):
        authentication_classes = authentication
        permission_classes = (permission,)

        def get(self, _request: Any) -> Response:
            return Response({"ok": True})

    return ProtectedView.as_view()
