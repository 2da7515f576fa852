"""How do our errors reach the client of a DRF view?

DRF answers in a shape of its own, with the challenge of the first authenticator only, or with 403
where that one has none. ``exception_handler`` gives every error the one shape of this package, and
every 401 all the challenges. Name it in ``REST_FRAMEWORK["EXCEPTION_HANDLER"]``.
"""

from __future__ import annotations

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

from token_exchange_core import challenges as core_challenges
from token_exchange_core.errors import InsufficientScope, InvalidToken, TokenExchangeError

_ERRORS_BY_STATUS: Final = {
    status.HTTP_401_UNAUTHORIZED: "invalid_request",
    status.HTTP_403_FORBIDDEN: "access_denied",
    status.HTTP_429_TOO_MANY_REQUESTS: "slow_down",
    status.HTTP_503_SERVICE_UNAVAILABLE: "temporarily_unavailable",
}


@runtime_checkable
class Challenger(Protocol):
    """An authenticator of ours."""

    def challenge(self, request: Any) -> str:
        """Return this authenticator's own challenge (RFC 9110, section 11.6.1)."""


@runtime_checkable
class ScopeRequirement(Protocol):
    """A permission of ours."""

    def unmet_scopes(self, request: Any) -> frozenset[str]:
        """Return the scopes that the request needs and lacks: all of them, or none."""


class Refused(AuthenticationFailed):
    """A 401 of ours, as DRF knows it."""

    def __init__(self, error: TokenExchangeError) -> None:
        super().__init__(error.description, code=error.error)
        self.error = error


class Failed(APIException):
    """Any other error of ours, as DRF knows it."""

    def __init__(self, error: TokenExchangeError) -> None:
        super().__init__(error.description, code=error.error)
        self.status_code = error.status
        self.error = error
        # What DRF makes Retry-After of, if there is anything.
        self.wait = getattr(error, "retry_after_seconds", None)


def as_api_exception(error: TokenExchangeError, request: Any) -> APIException:
    """Return ``error`` for DRF to raise, and remember it for the challenges of the 401."""
    request.token_exchange_error = error
    return Refused(error) if error.status == status.HTTP_401_UNAUTHORIZED else Failed(error)


def bearer_challenge(request: Any) -> str:
    """Return the Bearer challenge; it names an error only if a token was sent (RFC 6750, 3)."""
    error = getattr(request, "token_exchange_error", None)
    if isinstance(error, InvalidToken):
        return core_challenges.bearer_challenge(error)
    return core_challenges.BEARER_CHALLENGE


def challenges(request: Any) -> str:
    """Return the challenges of all the view's authenticators, in their order, or ``""``."""
    return ", ".join(_each_challenge(request))


def _each_challenge(request: Any) -> Iterator[str]:
    for authenticator in getattr(request, "authenticators", None) or ():
        if isinstance(authenticator, Challenger):
            yield authenticator.challenge(request)
        elif header := authenticator.authenticate_header(request):
            yield header


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a DRF view in the one error shape, with all challenges."""
    # Not above: DRF's views import DEFAULT_AUTHENTICATION_CLASSES, which import this module.
    from rest_framework import views  # noqa: PLC0415

    response = views.exception_handler(exc, context)
    if response is None:
        return None
    request = context.get("request")
    if isinstance(exc, (NotAuthenticated, AuthenticationFailed)) and (
        header := challenges(request)
    ):
        response.status_code = status.HTTP_401_UNAUTHORIZED
        response["WWW-Authenticate"] = header
    error, description = _error_of(exc, response)
    if isinstance(exc, PermissionDenied) and (scopes := _unmet_scopes(request, context["view"])):
        refusal = InsufficientScope()
        error, description = refusal.error, refusal.description
        response["WWW-Authenticate"] = core_challenges.bearer_challenge(
            refusal, scope=" ".join(sorted(scopes))
        )
    response.data = {"error": error, "error_description": description}
    response["Cache-Control"] = "no-store"
    return response


def _unmet_scopes(request: Any, view: Any) -> frozenset[str]:
    """Return the scopes with which the permission that refused the request would not have.

    DRF does not tell which one that was, so they are asked again, in its order.
    """
    for permission in view.get_permissions():
        if not permission.has_permission(request, view):
            return _scopes_to_ask_for(permission, request)
    return frozenset()


def _scopes_to_ask_for(permission: Any, request: Any) -> frozenset[str]:
    if isinstance(permission, ScopeRequirement):
        return permission.unmet_scopes(request)
    if isinstance(permission, (AND, OR)):
        both: Any = permission
        first = _scopes_to_ask_for(both.op1, request)
        second = _scopes_to_ask_for(both.op2, request)
        return first | second if isinstance(permission, AND) else first or second
    return frozenset()


def _error_of(exc: Exception, response: Response) -> tuple[str, str]:
    if isinstance(exc, (Refused, Failed)):
        return exc.error.error, exc.error.description
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
