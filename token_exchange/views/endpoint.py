"""How does an endpoint answer, whatever happens inside it?

These are plain Django views: what Django REST framework would add (content negotiation, parsers,
a browsable page, its own error shape) strict OAuth clients must not meet.
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
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from token_exchange.database.errors import DATABASE_AWAY
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.issuer.tokens import IssuedToken
from token_exchange.observability import exchange_counts
from token_exchange.request import authorization, client_address, require_https
from token_exchange.views.rate_limits import Usage, count_failure
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

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_RECOGNISED: Final = "_token_exchange_identifier"


def endpoint(
    *methods: str,
    challenge: str = "",
    refusal: str = InvalidClient.description,
    counted: bool = False,
) -> Callable[[View], View]:
    """Make a view of a function that returns a response or raises a ``TokenExchangeError``.

    It answers ``methods`` only, over https, outside any transaction of ATOMIC_REQUESTS, and every
    failure in the one error shape; a 401 carries ``challenge``, and ``refusal`` is what every
    refused credential is told. Where a POST is an exchange, failures are ``counted``.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @transaction.non_atomic_requests
        @sensitive_variables()
        @sensitive_post_parameters()
        @wraps(view)
        def answer(request: HttpRequest, **path: str) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise MethodNotAllowed(reason="method_not_allowed")
                require_https(request)
                return view(request, **path)
            except Exception as raised:  # noqa: BLE001 - no failure may answer in another shape
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

        return answer

    return decorate


def recognise(request: HttpRequest, credential: AuthenticatedCredential) -> None:
    """Remember whose request it is, for the log and the counts of what may still go wrong."""
    setattr(request, _RECOGNISED, credential.identifier)


def record_issue(
    request: HttpRequest, credential: AuthenticatedCredential, issued: IssuedToken
) -> None:
    """Count and log that a token was handed out, by its ``jti``; the token is in no log."""
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
    """Answer with a token, which nothing on the way may keep (RFC 6749, section 5.1)."""
    headers = _NO_STORE if usage is None else {**_NO_STORE, **usage.headers}
    return HttpResponse(
        json.dumps(body), status=status, content_type="application/json", headers=headers
    )


def credential_of(request: HttpRequest, scheme: str) -> str:
    """Return what the Authorization header says after ``scheme``; raises ``InvalidClient``."""
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
    """Return what is told; a refused credential or token counts against its address."""
    error = _as_error(raised)
    error.identifier = error.identifier or getattr(request, _RECOGNISED, None)
    if isinstance(error, (InvalidClient, InvalidToken)):
        if not isinstance(error, (CredentialRequired, InvalidToken)):
            error = InvalidClient(refusal, reason=error.reason, identifier=error.identifier)
        try:
            count_failure(request, address=client_address(request))
        except TokenExchangeError as limited:
            _log(request, error)
            limited.identifier = error.identifier
            return limited
    return error


def _as_error(raised: Exception) -> TokenExchangeError:
    if isinstance(raised, TokenExchangeError):
        return raised
    if isinstance(raised, DATABASE_AWAY):
        error: TokenExchangeError = TemporarilyUnavailable(reason="database_away")
    else:
        error = ServerError()
    error.__cause__ = raised
    return error


def _refuse(request: HttpRequest, error: TokenExchangeError) -> HttpResponse:
    _log(request, error)
    return JsonResponse(
        {"error": error.error, "error_description": error.description},
        status=error.status,
        headers={**_NO_STORE, **error.headers},
    )


def _log(request: HttpRequest, error: TokenExchangeError) -> None:
    ours = error.status >= ServerError.status
    log_event(
        logging.ERROR if ours else logging.WARNING,
        "exchange.failed" if ours else "exchange.refused",
        exc_info=error.__cause__ if ours else None,
        reason=error.reason,
        identifier=error.identifier,
        address=_address(request),
        path=request.path,
    )


def _address(request: HttpRequest) -> str:
    try:
        return client_address(request)
    except ImproperlyConfigured:  # which is what is being logged
        return ""
