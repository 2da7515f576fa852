"""Views of a project that caches its pages, each in another way."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control, cache_page
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.authentication.views import OURS

_FOR_AN_HOUR = cache_page(3600)


class Caller(APIView):
    """Says who was seen."""

    authentication_classes: Any = OURS
    permission_classes: Any = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        return Response(str(request.user))


@method_decorator(_FOR_AN_HOUR, name="dispatch")
class CachedClass(Caller):
    """As Django's documentation caches a class."""


class CachedMethod(Caller):
    """As Django REST framework's documentation caches a method."""

    @method_decorator(_FOR_AN_HOUR)
    def get(self, request: Any) -> Response:
        return super().get(request)


class OpenCachedMethod(CachedMethod):
    """Lets everyone in."""

    permission_classes = (AllowAny,)


class VariedAlready(Caller):
    """Has a Vary of its own, and lets everyone in."""

    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer, BrowsableAPIRenderer)

    def get(self, request: Any) -> Response:
        return Response(str(request.user), headers={"Vary": "X-Mine"})


@api_view(["GET"])
@authentication_classes(OURS)
@permission_classes([IsAuthenticated])
@_FOR_AN_HOUR
def cached_function(request: Any) -> Response:
    return Response(str(request.user))


def _with_an_empty_cell(*, is_filled: bool = False) -> Any:
    def get(self: Any, request: Any) -> Response:
        return Response(str(request.user) or never)

    if is_filled:
        never = ""
    return get


class EmptyCell(Caller):
    """Has a method that refers to a variable without a value."""

    get = _with_an_empty_cell()


def plain(request: Any) -> HttpResponse:
    return HttpResponse("plain")


_open = Caller.as_view(permission_classes=(AllowAny,))

urlpatterns = [
    path("", include("token_exchange.urls")),
    path("site", Caller.as_view()),
    path("page", _FOR_AN_HOUR(Caller.as_view())),
    path("class", CachedClass.as_view()),
    path("method", CachedMethod.as_view()),
    path("function", cached_function),
    path("open", _open),
    path("open-method", OpenCachedMethod.as_view()),
    path("open-page", _FOR_AN_HOUR(_open)),
    path("session-too", Caller.as_view(authentication_classes=(*OURS, SessionAuthentication))),
    path("varied", VariedAlready.as_view()),
    path("plain", plain),
    path("empty-cell", EmptyCell.as_view()),
    path("public", cache_control(public=True, max_age=60)(Caller.as_view())),
    path("no-store", cache_control(no_store=True)(Caller.as_view())),
]
