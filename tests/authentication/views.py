"""Views that use our authentication and permission classes in different ways."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.authentication import TokenAuthentication as StockTokenAuthentication
from rest_framework.permissions import (
    AllowAny,
    BasePermission,
    DjangoModelPermissions,
    IsAdminUser,
    IsAuthenticated,
)
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle
from rest_framework.views import APIView

from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer.authentication import ApiKeyAuthentication, ClientAppBasicAuthentication
from token_exchange.permissions import HasScope

OURS = (BearerAuthentication, ApiKeyAuthentication, ClientAppBasicAuthentication)


class Echo(APIView):
    """Says who was seen."""

    permission_classes: Any = (IsAuthenticated,)
    queryset = Group.objects.none()

    def get(self, request: Any) -> Response:
        return Response(
            {
                "user": str(request.user),
                "type": type(request.user).__name__,
                "pk": str(request.user.pk),
                "auth": type(request.auth).__name__,
            }
        )

    post = delete = get


class Keep(Echo):
    """Keeps the last request, so that a test can look at it."""

    last: Any = None

    def get(self, request: Any) -> Response:
        type(self).last = request
        return super().get(request)


class OfAnObject(Echo):
    """Asks its permissions once more, about an object."""

    authentication_classes = (BearerAuthentication,)

    def get(self, request: Any) -> Response:
        self.check_object_permissions(request, object())
        return super().get(request)


class IsNobody(BasePermission):
    """Refuses everybody, in words of its own."""

    message = "This is closed."

    def has_permission(self, request: Any, view: Any) -> bool:
        return False


class TwoAMinute(UserRateThrottle):
    rate = "2/min"


class NoStranger(AnonRateThrottle):
    rate = "1/min"


class Form(serializers.Serializer[Any]):
    name = serializers.CharField()
    inner = serializers.DictField(child=serializers.IntegerField(), required=False)


class Failing(Echo):
    """Fails as its URL says."""

    authentication_classes = OURS

    def get(self, request: Any, failure: str) -> Response:
        match failure:
            case "not-found":
                raise Http404
            case "django-denied":
                raise DjangoPermissionDenied
            case "django-denied-in-a-list":
                raise DjangoPermissionDenied(["one", "two"])
            case "denied":
                raise exceptions.PermissionDenied("The reports are closed.")
            case "method":
                raise exceptions.MethodNotAllowed("GET")
            case "invalid":
                Form(data={"inner": {"a": "x"}}).is_valid(raise_exception=True)
            case "unavailable":
                error = exceptions.APIException("Later, please.")
                error.status_code = 503
                raise error
            case "failed":
                raise exceptions.APIException
        raise RuntimeError(failure)


def view(*authenticators: Any, permissions: Any = (IsAuthenticated,), **more: Any) -> Any:
    return Echo.as_view(
        authentication_classes=authenticators, permission_classes=permissions, **more
    )


def guarded(*permissions: Any) -> Any:
    return view(BearerAuthentication, SessionAuthentication, permissions=permissions)


urlpatterns = [
    path("", include("token_exchange.urls")),
    path("bearer", view(BearerAuthentication)),
    path("keep", Keep.as_view(authentication_classes=OURS)),
    path("all", view(*OURS)),
    path("key", view(ApiKeyAuthentication)),
    path("app", view(ClientAppBasicAuthentication)),
    path("session-first", view(SessionAuthentication, *OURS)),
    path("stock-too", view(*OURS[:2], BasicAuthentication, StockTokenAuthentication)),
    path("session-only", view(SessionAuthentication)),
    path("open", view(*OURS, permissions=(AllowAny,))),
    path("closed", view(*OURS, permissions=(IsNobody,))),
    path("scope", view(*OURS, permissions=(HasScope("read"),))),
    path("two-scopes", guarded(HasScope("read", "write"))),
    path("and", guarded(HasScope("read") & HasScope("write"))),
    path("or", guarded(HasScope("read") | HasScope("write"))),
    path("not", guarded(IsAuthenticated & ~HasScope("write"))),
    path("scope-or-admin", guarded(HasScope("read") | IsAdminUser)),
    path("scope-and-admin", guarded(HasScope("read"), IsAdminUser)),
    path("or-closed", guarded(HasScope("read") | IsAuthenticated, IsNobody)),
    path("or-then-admin", guarded(HasScope("read") | HasScope("write"), IsAdminUser)),
    path("not-then-admin", guarded(~HasScope("read"), IsAdminUser)),
    path("object", OfAnObject.as_view(permission_classes=(HasScope("read"),))),
    path("object-without", OfAnObject.as_view(permission_classes=(~HasScope("read"),))),
    path("admin-only", guarded(IsAdminUser)),
    path("model", guarded(DjangoModelPermissions)),
    path("throttled", view(*OURS, throttle_classes=(TwoAMinute, NoStranger))),
    path("failing/<failure>", Failing.as_view()),
]
