"""Errors in DRF views: exceptions for DRF to raise, and an exception handler.

DRF's own responses have another form, and only the challenge of the first authenticator, or status
403 if that one has none. ``exception_handler`` gives every error the form of this package, and
every 401 all challenges. Name it in ``REST_FRAMEWORK["EXCEPTION_HANDLER"]``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final, Protocol, runtime_checkable

from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    PermissionDenied,
)
from rest_framework.permissions import AND, OR
from rest_framework.response import Response

from token_exchange.caching import forbid_caching
from token_exchange.request import client_address
from token_exchange_core.challenges import BEARER_CHALLENGE
from token_exchange_core.errors import (
    InsufficientScope,
    InvalidToken,
    ServerError,
    TokenExchangeError,
)
from token_exchange_core.event_log import log_event

_ERRORS_BY_STATUS: Final = {
    status.HTTP_401_UNAUTHORIZED: "invalid_request",
    status.HTTP_403_FORBIDDEN: "access_denied",
    status.HTTP_429_TOO_MANY_REQUESTS: "slow_down",
    status.HTTP_503_SERVICE_UNAVAILABLE: "temporarily_unavailable",
}


@runtime_checkable
class Challenger(Protocol):
    """An authenticator of this package."""

    def challenge(self, request: Any) -> str:
        """Return this authenticator's own challenge (RFC 9110, section 11.6.1)."""


@runtime_checkable
class ScopeRequirement(Protocol):
    """A permission of this package."""

    def unmet_scopes(self, request: Any) -> frozenset[str]:
        """Return all required scopes if the request lacks one, otherwise none."""


class Refused(AuthenticationFailed):
    """One of our errors with status 401, as an exception of DRF."""

    def __init__(self, error: TokenExchangeError) -> None:
        super().__init__(error.description, code=error.error)
        self.error = error


class Failed(APIException):
    """Any other of our errors, as an exception of DRF."""

    def __init__(self, error: TokenExchangeError) -> None:
        super().__init__(error.description, code=error.error)
        self.status_code = error.status
        self.error = error
        # DRF's own handler uses it for Retry-After.
        self.wait = error.retry_after_seconds


def log_and_convert(
    error: TokenExchangeError, request: Any, *, refused: str, failed: str
) -> APIException:
    """Log an authenticator's error and return it as an exception of DRF.

    The event is ``refused``, or ``failed`` for an internal error. The request remembers the error
    for the challenges of a 401.
    """
    is_internal = error.status >= ServerError.status
    if not is_internal:
        error.without_frames()
    log_event(
        logging.ERROR if is_internal else logging.WARNING,
        failed if is_internal else refused,
        reason=error.reason,
        identifier=error.identifier,
        address=client_address(request),
    )
    request.token_exchange_error = error
    return Refused(error) if error.status == status.HTTP_401_UNAUTHORIZED else Failed(error)


def bearer_challenge(request: Any) -> str:
    """Return the Bearer challenge, with the error if a token was refused (RFC 6750, section 3)."""
    error = getattr(request, "token_exchange_error", None)
    if isinstance(error, InvalidToken):
        return error.headers["WWW-Authenticate"]
    return BEARER_CHALLENGE


def challenges(request: Any) -> str:
    """Return the challenges of all authenticators of the view, in their order, or ``""``."""
    return ", ".join(_each_challenge(request))


def _each_challenge(request: Any) -> Iterator[str]:
    for authenticator in getattr(request, "authenticators", None) or ():
        if isinstance(authenticator, Challenger):
            yield authenticator.challenge(request)
        elif header := authenticator.authenticate_header(request):
            yield header


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a DRF view in the form of this package, with all challenges."""
    # Not at the top: DRF's views import DEFAULT_AUTHENTICATION_CLASSES, which import this module.
    from rest_framework import views  # noqa: PLC0415

    response = views.exception_handler(exc, context)
    if response is None:
        return None
    request = context.get("request")
    error = _own_error(exc, context)
    if error is not None:
        for name, value in error.headers.items():
            response[name] = value
    if isinstance(exc, (NotAuthenticated, AuthenticationFailed)) and (
        header := challenges(request)
    ):
        response.status_code = status.HTTP_401_UNAUTHORIZED
        response["WWW-Authenticate"] = header
    code, description = _describe(error, response)
    response.data = {"error": code, "error_description": description}
    forbid_caching(response)
    return response


def _own_error(exc: Exception, context: dict[str, Any]) -> TokenExchangeError | None:
    """Return our error behind an exception of DRF, if there is one."""
    if isinstance(exc, (Refused, Failed)):
        return exc.error
    if isinstance(exc, PermissionDenied):
        scopes = _unmet_scopes(context.get("request"), context["view"])
        if scopes:
            error = InsufficientScope()
            error.scope = " ".join(sorted(scopes))
            return error
    return None


def _unmet_scopes(request: Any, view: Any) -> frozenset[str]:
    """Return the scopes whose absence made the permission refuse.

    DRF does not pass on which permission refused, so all are asked again, in the same order.
    """
    for permission in view.get_permissions():
        if not permission.has_permission(request, view):
            return _missing_scopes(permission, request)
    return frozenset()


def _missing_scopes(permission: Any, request: Any) -> frozenset[str]:
    if isinstance(permission, ScopeRequirement):
        return permission.unmet_scopes(request)
    if isinstance(permission, (AND, OR)):
        both: Any = permission
        first = _missing_scopes(both.op1, request)
        second = _missing_scopes(both.op2, request)
        return first | second if isinstance(permission, AND) else first or second
    return frozenset()


def _describe(error: TokenExchangeError | None, response: Response) -> tuple[str, str]:
    """Return the code and description of our error, or else of DRF's response."""
    if error is not None:
        return error.error, error.description
    code = response.status_code
    fallback = (
        "server_error" if code >= status.HTTP_500_INTERNAL_SERVER_ERROR else "invalid_request"
    )
    data = response.data
    detail = data.get("detail", data) if isinstance(data, dict) else data
    return _ERRORS_BY_STATUS.get(code, fallback), " ".join(_sentences(detail))


def _sentences(detail: Any, field: str = "") -> Iterator[str]:
    if isinstance(detail, dict):
        for name, each in detail.items():
            yield from _sentences(each, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for each in detail:
            yield from _sentences(each, field)
    else:
        yield f"{field}: {detail}" if field else str(detail)
