"""Rules that keep answers out of caches: the browser's, a proxy's and Django's own.

Django's cache middleware serves a stored answer without asking the view, so a revoked token would
still be answered. It obeys ``private`` in every supported version, but ``no-store`` and
``Authorization`` only since 5.2.15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, wraps
from types import FunctionType
from typing import Any, Final, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers

from token_exchange.request import http_request

P = ParamSpec("P")

NOT_CACHED: Final = {
    "Cache-Control": "no-store, private, max-age=0",
    "Pragma": "no-cache",
    "Vary": "Authorization",
}
"""The header fields of an answer of ours. Only published keys and metadata may be cached."""

_VARIES_BY: Final = "Authorization"
# Attributes of requests: the first is Django's, which its cache middleware sets and reads.
_IS_STORED: Final = "_cache_update_cache"
_IS_PRIVATE: Final = "_token_exchange_is_private"


def forbid_caching(response: HttpResponseBase) -> None:
    """Forbid every cache to store the response; the view's own Vary is kept."""
    response["Cache-Control"] = NOT_CACHED["Cache-Control"]
    patch_vary_headers(response, [_VARIES_BY])


def not_cached(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Decorate a view none of whose responses a cache may store."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(*args, **kwargs)
        forbid_caching(response)
        return response

    return wrapper


def skip_django_cache(request: HttpRequest) -> None:
    """Keep the answer to this request out of Django's cache middleware and ``cache_page``."""
    setattr(request, _IS_STORED, False)


def vary_by_authorization(request: Any) -> None:
    """Let the answer of a view of Django REST framework vary by Authorization.

    Also without the header, or a stored answer to an anonymous request would be served to others.
    Only where Django's cache middleware or ours is at work: DRF takes longer for this field than
    the whole verification of a token.
    """
    marks = http_request(request).__dict__  # faster than to ask for each
    is_at_work = _IS_STORED in marks or _IS_PRIVATE in marks
    # The mark of a decorated method comes after authentication.
    view_class: Any = type(_view_of(request))
    if not is_at_work and not _has_decorated_methods(view_class):
        return
    # DRF adds them to the view's response.
    headers = getattr(_view_of(request), "headers", None)
    if isinstance(headers, dict):
        names = headers.get("Vary", "")
        if _VARIES_BY not in names:
            headers["Vary"] = f"{names}, {_VARIES_BY}" if names else _VARIES_BY


def keep_private(request: Any) -> None:
    """Keep the answer to an authenticated request of Django REST framework out of shared caches.

    Django's cache middleware does not store it; ``PrivateResponseMiddleware`` tells the others.
    """
    marks = http_request(request).__dict__
    if _IS_STORED in marks:
        marks[_IS_STORED] = False
    if _IS_PRIVATE in marks:
        marks[_IS_PRIVATE] = True
    view_class: Any = type(_view_of(request))
    if _has_decorated_methods(view_class):
        request_class: Any = type(request)
        request.__class__ = _never_stored(request_class)


def expect_private(request: HttpRequest) -> None:
    """Let ``mark_private`` find out later whether ``keep_private`` was called for the request."""
    setattr(request, _IS_PRIVATE, False)


def mark_private(request: HttpRequest, response: HttpResponseBase) -> None:
    """Mark the response as private if ``keep_private`` was called for its request."""
    if not getattr(request, _IS_PRIVATE):
        return
    if response.has_header("Cache-Control"):
        patch_cache_control(response, private=True)
    else:
        response["Cache-Control"] = "private"
    patch_vary_headers(response, [_VARIES_BY])


def _view_of(request: Any) -> Any:
    return getattr(request, "parser_context", {}).get("view")


@cache
def _has_decorated_methods(view_class: Any) -> bool:
    """Return whether a method of the view, or the function in it, may be one of ``cache_page``."""
    members = [each for base in view_class.__mro__ for each in vars(base).values()]
    return any(_is_decorated(each) for each in members if isinstance(each, FunctionType))


def _is_decorated(function: FunctionType) -> bool:
    # A view of DRF's ``api_view`` is a function that is held by a method.
    return any(hasattr(each, "__wrapped__") for each in (function, *_held_by(function)))


def _held_by(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # the cell is empty
            yield cell.cell_contents


@cache
def _never_stored(request_class: Any) -> Any:
    """Return the class with a mark of Django's cache middleware that cannot be set.

    ``cache_page`` on a method, such as ``get`` or ``list``, runs after authentication, and would
    set the mark again.
    """
    mark = property(lambda _request: False, lambda _request, _value: None)
    namespace = {"__module__": request_class.__module__, _IS_STORED: mark}
    return type(request_class.__name__, (request_class,), namespace)
