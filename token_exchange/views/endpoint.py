"""The decorator of the endpoints, their error responses, and their token responses.

The endpoints are plain Django views, because strict OAuth clients cannot handle what Django REST
framework adds: content negotiation, parsers, a browsable page and its own error format.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from token_exchange.caching import NOT_CACHED, skip_django_cache
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.issuer.tokens import IssuedToken
from token_exchange.observability import exchange_counts
from token_exchange.request import authorization, client_address, require_https
from token_exchange.views.rate_limits import RateExceeded, Usage, count_failure
from token_exchange.views.repeated_events import log_repeated_event
from token_exchange_core.errors import (
    CredentialRequired,
    InvalidClient,
    InvalidToken,
    MalformedAuthorization,
    MethodNotAllowed,
    ServerError,
    TemporarilyUnavailable,
    TokenExchangeError,
)
from token_exchange_core.event_log import log_event

View: TypeAlias = Callable[..., HttpResponse]

_IDENTIFIER: Final = "_token_exchange_identifier"


def endpoint(
    *methods: str,
    challenge: str = "",
    refusal: str = InvalidClient.description,
    counted: bool = False,
) -> Callable[[View], View]:
    """Decorate a view that returns a response or raises ``TokenExchangeError``.

    The view accepts ``methods`` only, requires HTTPS, runs outside ATOMIC_REQUESTS, and returns
    every error as JSON in the OAuth format. A 401 has the ``challenge``, and every refused
    credential the same description, ``refusal``. Failed POSTs are counted if ``counted``.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @transaction.non_atomic_requests
        @sensitive_post_parameters()
        @wraps(view)
        def wrapper(request: HttpRequest, **path: str) -> HttpResponse:
            skip_django_cache(request)
            try:
                if request.method not in methods:
                    raise MethodNotAllowed(reason="method_not_allowed")
                require_https(request)
                return view(request, **path)
            except Exception as raised:  # noqa: BLE001 - every failure has the same format
                error = _as_refusal(raised, request, refusal)
                if counted and request.method == "POST":
                    exchange_counts.count(
                        error.reason, now=time.time(), identifier=error.identifier
                    )
                response = _refuse(request, error)
                if challenge and response.status_code == InvalidClient.status:
                    response.headers.setdefault("WWW-Authenticate", challenge)
            if response.status_code == MethodNotAllowed.status:
                response["Allow"] = ", ".join(methods)
            return response

        return wrapper

    return decorate


def remember_credential(request: HttpRequest, credential: AuthenticatedCredential) -> None:
    """Attach the credential's identifier to the request, to log and count later errors with it."""
    setattr(request, _IDENTIFIER, credential.identifier)


def log_issuance(
    request: HttpRequest, credential: AuthenticatedCredential, issued: IssuedToken
) -> None:
    """Count and log a token that is returned. The log has its ``jti``, never the token."""
    exchange_counts.count(
        exchange_counts.REUSED if issued.is_reused else exchange_counts.EXCHANGED,
        now=time.time(),
        organization_id=credential.organization_id,
        identifier=credential.identifier,
    )
    log_event(
        logging.INFO,
        "token.issued",
        identifier=credential.identifier,
        jti=issued.jti,
        address=client_address(request),
        used_previous_secret=credential.used_previous_secret,
    )


def token_response(body: dict[str, Any], usage: Usage | None, *, status: int = 200) -> HttpResponse:
    """Return a JSON response that must not be cached (RFC 6749, section 5.1)."""
    headers = NOT_CACHED if usage is None else {**NOT_CACHED, **usage.headers}
    return HttpResponse(
        json.dumps(body), status=status, content_type="application/json", headers=headers
    )


def read_authorization(request: HttpRequest, scheme: str) -> str:
    """Return the Authorization header without its ``scheme``; raises ``InvalidClient``."""
    try:
        header = authorization(request)
    except MalformedAuthorization as error:
        raise InvalidClient(reason=error.reason) from error
    if header is None:
        raise CredentialRequired("Authorization header required", reason="no_authorization")
    if header.scheme != scheme.lower():
        raise CredentialRequired(
            f"The Authorization header must use the {scheme} scheme", reason="wrong_scheme"
        )
    return header.parameter


def _as_refusal(raised: Exception, request: HttpRequest, refusal: str) -> TokenExchangeError:
    """Return the error to send, and count a refused credential or token for its address."""
    error = _as_error(raised)
    error.identifier = error.identifier or getattr(request, _IDENTIFIER, None)
    if isinstance(error, (InvalidClient, InvalidToken)):
        if not isinstance(error, (CredentialRequired, InvalidToken)):
            error = InvalidClient(refusal, reason=error.reason, identifier=error.identifier)
        try:
            count_failure(request, address=client_address(request))
        except TokenExchangeError as limited:
            if not isinstance(limited, RateExceeded):
                _log(request, error)
            limited.identifier = error.identifier
            return limited
    return error


def _as_error(raised: Exception) -> TokenExchangeError:
    if isinstance(raised, TokenExchangeError):
        return raised if _is_ours(raised) else raised.without_frames()
    if isinstance(raised, DATABASE_AWAY):
        error: TokenExchangeError = TemporarilyUnavailable(reason="database_away")
    else:
        error = ServerError()
    error.__cause__ = raised
    return error


def _refuse(request: HttpRequest, error: TokenExchangeError) -> HttpResponse:
    response = JsonResponse(
        {"error": error.error, "error_description": error.description},
        status=error.status,
        headers={**NOT_CACHED, **error.headers},
    )
    if isinstance(error, RateExceeded):
        _log_over_limit(request, error)
        # Django's mark of a response for which it writes no line of its own.
        setattr(response, "_has_been_logged", True)  # noqa: B010
    else:
        _log(request, error)
    return response


def _log(request: HttpRequest, error: TokenExchangeError) -> None:
    is_ours = _is_ours(error)
    log_event(
        logging.ERROR if is_ours else logging.WARNING,
        "exchange.failed" if is_ours else "exchange.refused",
        exc_info=error.__cause__ if is_ours else None,
        reason=error.reason,
        identifier=error.identifier,
        address=_address(request),
        path=request.path,
    )


def _log_over_limit(request: HttpRequest, error: RateExceeded) -> None:
    log_repeated_event(
        logging.WARNING,
        "exchange.refused",
        subject=error.counter,
        now=time.time(),
        reason=error.reason,
        identifier=error.identifier,
        address=_address(request),
        path=request.path,
    )


def _is_ours(error: TokenExchangeError) -> bool:
    """Return whether the service failed, and not the client."""
    return error.status >= ServerError.status


def _address(request: HttpRequest) -> str:
    try:
        return client_address(request)
    except ImproperlyConfigured:  # this is the error that is being logged
        return ""
