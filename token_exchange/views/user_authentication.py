"""Who manages keys here: a user's token, or a user who is signed in to a browser?"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from token_exchange.issuer.self_service import Caller, caller_by_session, caller_by_token
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.request import authorization, client_address
from token_exchange.resource_server.bearer import verify_bearer
from token_exchange.views.request_body import read_members
from token_exchange_core.authorization import BEARER
from token_exchange_core.errors import AccessDenied, AuthenticationRequired

SAFE_METHODS = frozenset({"GET", "HEAD"})


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, which says why instead of answering with a page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def caller_of(request: HttpRequest) -> Caller:
    """Return who calls: by a Bearer token where one came, or else by session, safe from forgery.

    Raises ``AuthenticationRequired`` for nobody, ``AccessDenied`` for a machine, a user who is
    deactivated and a request that another site may have sent, and what ``verify_bearer`` does.
    """
    origin = client_address(request)
    header = authorization(request)
    if header is not None and header.scheme == BEARER:
        verified = verify_bearer(header.parameter, verify_access_token)
        return caller_by_token(verified, origin=origin)
    # A project that has no sessions has no user here.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise AuthenticationRequired(reason="no_authorization")
    if request.method not in SAFE_METHODS:
        _check_csrf(request)
    return caller_by_session(user, origin=origin)


def _check_csrf(request: HttpRequest) -> None:
    # A form that cannot be read is refused as such here, where Django would fail.
    read_members(request)
    check = _CsrfCheck(lambda _request: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type] # as DRF calls it
    if reason is not None:
        raise AccessDenied("A request by session needs the CSRF token of this site.", reason="csrf")
