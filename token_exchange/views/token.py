"""``POST /v1/token``: exchange an API key for an access token."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from token_exchange.issuer.credentials import authenticate_api_key, parse_api_key
from token_exchange.issuer.tokens import issue
from token_exchange.issuer.tokens.policy import TokenRequest
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
from token_exchange.views.request_parameters import read_audience, read_scope, read_seconds
from token_exchange_core.challenges import API_KEY_CHALLENGE

_REPEATABLE: Final = frozenset({"audience"})  # RFC 8707, section 2


@endpoint("POST", challenge=API_KEY_CHALLENGE, refusal="Invalid API Key", counted=True)
def token(request: HttpRequest) -> HttpResponse:
    """Exchange the API key in the Authorization header for a new access token."""
    now = timezone.now()
    credential = authenticate_api_key(
        parse_api_key(read_authorization(request, "ApiKey")),
        address=client_address(request),
        browser_origin=browser_origin(request),
        now=now,
    )
    remember_credential(request, credential)
    usage = count_success(request, name="token", identifier=credential.identifier)
    issued = issue(credential, _token_request(request), now=now)
    log_issuance(request, credential, issued)
    return token_response(
        {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.lifetime_seconds,
            "scope": issued.scope,
        },
        usage,
    )


def _token_request(request: HttpRequest) -> TokenRequest:
    members = read_members(request, repeatable=_REPEATABLE)
    return TokenRequest(
        scopes=read_scope(members),
        audience=read_audience(members),
        expires_in=read_seconds(members, "expires_in"),
    )
