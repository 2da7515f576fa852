"""An API key becomes an access token: ``POST /v1/token``."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from token_exchange.core.challenges import API_KEY_CHALLENGE
from token_exchange.core.errors import InvalidRequest
from token_exchange.core.scopes import parse_scope
from token_exchange.credentials import authenticate_api_key
from token_exchange.exchange import mint
from token_exchange.granting import TokenRequest
from token_exchange.throttling import count_success
from token_exchange.transport import client_address
from token_exchange.views.body import read_members
from token_exchange.views.endpoint import credential_of, endpoint, record_issue, token_response

_REPEATABLE: Final = frozenset({"audience"})  # RFC 8707, section 2
_MAX_AUDIENCES: Final = 20
_MAX_DIGITS: Final = 10


@endpoint("POST", challenge=API_KEY_CHALLENGE, refusal="Invalid API Key", counted=True)
def token(request: HttpRequest) -> HttpResponse:
    """Exchange the API key in the Authorization header for a new access token."""
    now = timezone.now()
    credential = authenticate_api_key(
        credential_of(request, "ApiKey"), address=client_address(request), now=now
    )
    usage = count_success(request, name="token", identifier=credential.identifier)
    issued = mint(credential, _asked(request), now=now)
    record_issue(request, credential, issued)
    return token_response(
        {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.lifetime_seconds,
            "scope": issued.scope,
        },
        usage,
    )


def _asked(request: HttpRequest) -> TokenRequest:
    members = read_members(request, repeatable=_REPEATABLE)
    return TokenRequest(
        scopes=_scopes(members.get("scope")),
        audience=_audience(members.get("audience")),
        expires_in=_expires_in(members.get("expires_in")),
    )


def _scopes(value: Any) -> frozenset[str] | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidRequest("The parameter scope must be a string.", reason="malformed_scope")
    return parse_scope(value) or None


def _audience(value: Any) -> tuple[str, ...] | None:
    if value in (None, "", []):
        return None
    values = [value] if isinstance(value, str) else value
    if (
        not isinstance(values, list)
        or len(values) > _MAX_AUDIENCES
        or not all(isinstance(each, str) and each for each in values)
    ):
        raise InvalidRequest(
            "The parameter audience must be a string or a list of strings.",
            reason="malformed_audience",
        )
    return tuple(dict.fromkeys(values))


def _expires_in(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _MAX_DIGITS:
        value = int(value)
    if type(value) is not int or value < 1:
        raise InvalidRequest(
            "The parameter expires_in must be a whole number of seconds, at least 1.",
            reason="malformed_expires_in",
        )
    return value
