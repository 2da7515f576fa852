"""How did the request come, from where, and with which Authorization header?"""

from __future__ import annotations

import re
from typing import Any, Final

from token_exchange.conf import get_settings
from token_exchange_core.authorization import Authorization, parse_authorization
from token_exchange_core.errors import InvalidRequest

_PORT: Final = re.compile(r"\A(?:\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+)\Z")


def http_request(request: Any) -> Any:
    """Return Django's request behind one of Django REST framework.

    That one looks at itself in vain before it passes anything on, which costs more than the rest.
    """
    return getattr(request, "_request", request)


def require_https(request: Any) -> None:
    """Raise ``InvalidRequest`` for plain http, unless ``REQUIRE_HTTPS`` allows it.

    ``request.is_secure()`` decides alone; behind a proxy it reads ``SECURE_PROXY_SSL_HEADER``.
    """
    if get_settings().require_https and not request.is_secure():
        raise InvalidRequest(
            "This service refuses plain http: use https. If you run it: set "
            "SECURE_PROXY_SSL_HEADER behind a proxy that ends TLS, or "
            "TOKEN_EXCHANGE['REQUIRE_HTTPS'] = False for development.",
            reason="https_required",
        )


def authorization(request: Any) -> Authorization | None:
    """Return the request's Authorization header, split; raises ``InvalidRequest``."""
    return parse_authorization(request.META.get("HTTP_AUTHORIZATION"))


def client_address(request: Any) -> str:
    """Return the address that the request came from, as the outermost trusted proxy saw it.

    Without ``NUM_PROXIES`` that is ``REMOTE_ADDR``. With it, the n-th entry from the right of
    X-Forwarded-For: all to the left of that is the client's own invention. A header with fewer
    entries did not pass the proxies, so it is not believed at all.
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
