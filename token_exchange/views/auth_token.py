"""``/auth_token``: exchange a client id and secret for an auth token, or revoke its tokens."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from token_exchange.issuer.credentials import (
    AuthenticatedCredential,
    authenticate_client_app,
    invalidate_tokens,
    parse_client_app,
)
from token_exchange.issuer.tokens import IssuedToken, reuse_ends_at, reuse_or_issue
from token_exchange.observability.audit import Act
from token_exchange.request import browser_origin, client_address
from token_exchange.views.endpoint import (
    endpoint,
    log_issuance,
    read_authorization,
    remember_credential,
    token_response,
)
from token_exchange.views.rate_limits import count_success
from token_exchange.views.request_body import read_members
from token_exchange_core.authorization import parse_basic
from token_exchange_core.challenges import BASIC_CHALLENGE
from token_exchange_core.errors import InvalidRequest

_MAX_REFERENCE_LENGTH: Final = 255
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@endpoint("POST", "DELETE", challenge=BASIC_CHALLENGE, counted=True)
def auth_token(request: HttpRequest) -> HttpResponse:
    """Return the client app's auth token, re-used while it is valid, or revoke its tokens."""
    now = timezone.now()
    credential = _authenticate(request, now=now)
    remember_credential(request, credential)
    usage = count_success(request, name="auth_token", identifier=credential.identifier)
    if request.method == "DELETE":
        invalidate_tokens(credential, act=Act(now=now, origin=client_address(request)))
        return token_response({"success": True}, usage)
    reference = _reference(read_members(request))
    issued = reuse_or_issue(credential, now=now)
    log_issuance(request, credential, issued)
    return token_response(
        {"success": True, "access_token": _auth_token_object(issued), **reference}, usage
    )


def _authenticate(request: HttpRequest, *, now: datetime) -> AuthenticatedCredential:
    return authenticate_client_app(
        parse_client_app(parse_basic(read_authorization(request, "Basic"))),
        address=client_address(request),
        browser_origin=browser_origin(request),
        now=now,
        token_until=reuse_ends_at(now=now),
    )


def _auth_token_object(issued: IssuedToken) -> dict[str, Any]:
    return {
        "token": issued.token,
        "expiration": issued.expires_at,
        "expiration_dt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(issued.expires_at)),
    }


def _reference(members: dict[str, Any]) -> dict[str, str]:
    header = members.get("header")
    if header is None:
        return {}
    if not isinstance(header, dict):
        raise InvalidRequest("The member header must be a JSON object.", reason="malformed_header")
    reference = header.get("reference")
    if reference is None:
        return {}
    if (
        not isinstance(reference, str)
        or len(reference) > _MAX_REFERENCE_LENGTH
        or _SURROGATE.search(reference)  # half a character, which UTF-8 cannot encode
    ):
        raise InvalidRequest(
            f"The member reference must be a string of at most {_MAX_REFERENCE_LENGTH} characters.",
            reason="malformed_reference",
        )
    return {"reference": reference}
