"""Django middleware that marks the answers to authenticated requests as private."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from token_exchange.caching import expect_private, mark_private

__all__ = ["PrivateResponseMiddleware"]


class PrivateResponseMiddleware:
    """Add ``Cache-Control: private`` where one of our classes has authenticated the request.

    Its place in MIDDLEWARE does not matter; a view's other directives are kept.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request, in a synchronous or an asynchronous stack."""
        expect_private(request)
        if self._is_async:
            return self._answer(request)
        response: HttpResponseBase = self.get_response(request)
        mark_private(request, response)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)
        mark_private(request, response)
        return response
