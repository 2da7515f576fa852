"""Views protected by access tokens, and one by API keys and client apps directly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListCreateAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.models import Report, ReportQuerySet
from reports.serializers import CallerSerializer, CountSerializer, ReportSerializer
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer.authentication import ApiKeyAuthentication, ClientAppBasicAuthentication
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.permissions import HasScope
from token_exchange_core.tokens import Claims


def _claims(request: Request) -> Claims:
    """Return the claims of the token, which ``BearerAuthentication`` puts in ``request.auth``."""
    return cast("Claims", request.auth)


class WhoAmI(APIView):
    """Show the claims of any valid token."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=CallerSerializer)
    def get(self, request: Request) -> Response:
        """Return the caller."""
        claims = _claims(request)
        user = request.user
        caller = {
            "subject": claims.subject,
            "client_id": claims.client_id,
            "organization": claims.organization_id,
            "scopes": sorted(claims.scopes),
            "user": user.get_username() if isinstance(user, AbstractBaseUser) else None,
            "expires_at": datetime.fromtimestamp(claims.expires_at, UTC),
        }
        return Response(CallerSerializer(caller).data)


class ReportPages(PageNumberPagination):
    """Pages of 20 reports by default, and at most 100."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


class Reports(ListCreateAPIView[Report]):
    """List and create the reports of the caller's organization."""

    authentication_classes = (BearerAuthentication,)
    serializer_class = ReportSerializer
    pagination_class = ReportPages
    queryset = Report.objects.all()

    def get_permissions(self) -> list[Any]:
        """Require ``reports:read`` to list and ``reports:write`` to create."""
        reads = self.request.method in SAFE_METHODS
        return [HasScope("reports:read" if reads else "reports:write")]

    def get_queryset(self) -> ReportQuerySet:
        """Return the reports of the caller's organization."""
        return Report.objects.of(_claims(self.request).organization_id)

    def perform_create(self, serializer: Any) -> None:
        """Save the report for the caller's organization, with the caller as its author."""
        serializer.save(
            organization_id=_claims(self.request).organization_id,
            created_by=self.request.user.get_username(),
        )


class ReportCount(APIView):
    """Count reports for clients that do not use tokens, such as a monitoring probe.

    They send their API key, or client id and secret, with each request, which costs one query.
    """

    authentication_classes = (ApiKeyAuthentication, ClientAppBasicAuthentication)
    permission_classes: Any = (HasScope("reports:read"),)

    @extend_schema(responses=CountSerializer)
    def get(self, request: Request) -> Response:
        """Return the number of reports of the caller's organization."""
        credential = cast("AuthenticatedCredential", request.auth)
        count = Report.objects.of(credential.organization_id).count()
        return Response(CountSerializer({"count": count}).data)
