"""Authentication of the user who manages keys: by bearer token or by session."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from token_exchange.issuer.self_service import Caller, caller_by_session, caller_by_token
from token_exchange.issuer.tokens import verify_access_token
from token_exchange.request import authorization, client_address
from token_exchange.resource_server.bearer import verify_bearer
from token_exchange.views.request_body import read_members
from token_exchange_core.authorization import BEARER
from token_exchange_core.errors import AccessDenied, AuthenticationRequired

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, which returns the reason instead of an error page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def authenticate_user(request: HttpRequest) -> Caller:
    """Return the caller: the owner of the bearer token if there is one, or the session's user.

    Raises ``AuthenticationRequired`` without a user; ``AccessDenied`` for a machine's token, an
    inactive user, or a session request without a CSRF token; and the errors of ``verify_bearer``.
    """
    origin = client_address(request)
    header = authorization(request)
    if header is not None and header.scheme == BEARER:
        verified = verify_bearer(header, verify_access_token)
        return caller_by_token(verified, origin=origin)
    # Projects without sessions have no request.user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise AuthenticationRequired(reason="no_authorization")
    if request.method not in _SAFE_METHODS:
        _check_csrf(request)
    return caller_by_session(user, origin=origin)


def _check_csrf(request: HttpRequest) -> None:
    # Refuse a malformed form first: Django's check would raise.
    read_members(request)
    check = _CsrfCheck(lambda _request: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type] # as DRF calls it
    if reason is not None:
        raise AccessDenied("A request with a session needs a CSRF token.", reason="csrf")
