"""A view protected by the tokens of another service."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from token_exchange.authentication import BearerAuthentication
from token_exchange.permissions import HasScope
from token_exchange_core.tokens import Claims

_YEARS = (2023, 2024, 2025)


class Archive(APIView):
    """The years whose reports are archived."""

    authentication_classes = (BearerAuthentication,)
    permission_classes: Any = (HasScope("reports:read"),)

    def get(self, request: Request) -> Response:
        """Return the years, and the client and organization of the token."""
        claims = cast("Claims", request.auth)
        return Response(
            {
                "client_id": claims.client_id,
                "organization": claims.organization_id,
                "years": _YEARS,
            }
        )
