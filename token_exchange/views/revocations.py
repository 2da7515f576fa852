"""``GET /v1/revocations``: the revocation feed, for services without our tables."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response

from token_exchange.caching import NOT_CACHED
from token_exchange.issuer.credentials import authenticate_api_key, parse_api_key
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.request import browser_origin, client_address
from token_exchange.views.endpoint import endpoint, read_authorization
from token_exchange.views.request_parameters import read_query
from token_exchange_core.challenges import API_KEY_CHALLENGE
from token_exchange_core.errors import InsufficientScope, InvalidRequest
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.scopes import REVOCATIONS_SCOPE

_EPOCH: Final = re.compile(r"[A-Za-z0-9]{0,64}")
_POSITION: Final = re.compile(r"[0-9]{1,19}")
_MARK: Final = re.compile(r"([0-9]{1,18}\.[A-Za-z0-9]{1,64})?")


@endpoint("GET", "HEAD", challenge=API_KEY_CHALLENGE, refusal="Invalid API Key")
def revocations(request: HttpRequest) -> HttpResponse:
    """Return the revocations after the position ``after`` of ``epoch``, or 304 if unchanged."""
    _authorize(request, now=timezone.now())
    page = read_page(**_reached(request))
    etag = _etag(page)
    response = HttpResponse(
        page.to_json(),
        content_type="application/json",
        headers={"ETag": etag, "X-Content-Type-Options": "nosniff"},
    )
    conditional = get_conditional_response(request, etag=etag, response=response) or response
    for name, value in NOT_CACHED.items():
        conditional[name] = value
    return conditional


def _authorize(request: HttpRequest, *, now: datetime) -> None:
    credential = authenticate_api_key(
        parse_api_key(read_authorization(request, "ApiKey")),
        address=client_address(request),
        browser_origin=browser_origin(request),
        now=now,
    )
    if REVOCATIONS_SCOPE not in credential.scopes:
        raise InsufficientScope(
            f"The API key needs the scope {REVOCATIONS_SCOPE}.",
            reason="insufficient_scope",
            identifier=credential.identifier,
        )


def _reached(request: HttpRequest) -> dict[str, Any]:
    """Return the epoch, position and mark that the follower has read; empty and 0 at first."""
    parameters = read_query(request)
    return {
        "epoch": _single(parameters.get("epoch", [""]), _EPOCH),
        "after": int(_single(parameters.get("after", ["0"]), _POSITION)),
        "mark": _single(parameters.get("mark", [""]), _MARK),
    }


def _single(values: list[str], form: re.Pattern[str]) -> str:
    if len(values) != 1 or form.fullmatch(values[0]) is None:
        raise InvalidRequest(
            "The parameters epoch, after and mark must come from an earlier response.",
            reason="malformed_query",
        )
    return values[0]


def _etag(page: FeedPage) -> str:
    """Return a weak validator, because it leaves out ``as_of``, which always changes."""
    content = replace(page, as_of=0).to_json()
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
