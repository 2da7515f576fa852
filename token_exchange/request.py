"""Transport, client address and Authorization header of a request."""

from __future__ import annotations

import re
from typing import Any, Final

from django.core.exceptions import DisallowedHost

from token_exchange.conf import get_settings
from token_exchange_core.authorization import Authorization, parse_authorization
from token_exchange_core.errors import InvalidRequest

_PORT: Final = re.compile(r"\A(?:\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+)\Z")


def http_request(request: Any) -> Any:
    """Return Django's request behind a request of DRF.

    DRF's request tries its own attributes first, which is slow.
    """
    return getattr(request, "_request", request)


def require_https(request: Any) -> None:
    """Raise ``InvalidRequest`` for plain HTTP, unless ``REQUIRE_HTTPS`` is off.

    Only ``request.is_secure()`` decides; behind a proxy it reads ``SECURE_PROXY_SSL_HEADER``.
    """
    if get_settings().require_https and not request.is_secure():
        raise InvalidRequest(
            "This service refuses plain http: use https. If you run it: set "
            "SECURE_PROXY_SSL_HEADER behind a proxy that terminates TLS, or "
            "TOKEN_EXCHANGE['REQUIRE_HTTPS'] = False for development.",
            reason="https_required",
        )


def authorization(request: Any) -> Authorization | None:
    """Parse the request's Authorization header; raises ``InvalidRequest``."""
    return parse_authorization(request.META.get("HTTP_AUTHORIZATION"))


def browser_origin(request: Any) -> str | None:
    """Return the origin of the page that sent the request, or ``None`` if no browser did.

    Browsers send Origin, but not with a GET of the same origin: then Sec-Fetch-Site names it, which
    only browsers send. (Node's ``fetch`` sends Sec-Fetch-Mode.) An origin that is not known is
    ``null``, as in the header.
    """
    origin: str = request.META.get("HTTP_ORIGIN") or ""
    site = request.META.get("HTTP_SEC_FETCH_SITE")
    if origin or not site:
        return origin or None
    if site != "same-origin":
        return "null"
    try:
        return f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return "null"


def client_address(request: Any) -> str:
    """Return the address that the request came from, as the outermost trusted proxy saw it.

    Without ``NUM_PROXIES`` that is ``REMOTE_ADDR``. With it, it is the n-th entry from the right of
    X-Forwarded-For: clients can write whatever they like to the left of that. A header with fewer
    entries did not pass the proxies and is ignored.
    """
    proxies = get_settings().num_proxies
    remote_address: str = request.META.get("REMOTE_ADDR") or ""
    if proxies is None:
        return remote_address
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    hop = hops[-proxies] if len(hops) >= proxies else ""
    if not hop:
        return remote_address
    match = _PORT.match(hop)
    return (match["v6"] or match["v4"] or "") if match else hop
