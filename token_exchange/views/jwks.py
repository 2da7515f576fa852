"""``GET /.well-known/jwks.json``: the public keys that verify our tokens (RFC 7517)."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from token_exchange.conf import get_settings
from token_exchange.issuer.signing_keys import key_set
from token_exchange.views.endpoint import endpoint


@endpoint("GET", "HEAD")
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the key set, which anyone may cache for ``JWKS_MAX_AGE``.

    While a published key waits to sign, caches have to revalidate each time.
    """
    keys = key_set()
    body = json.dumps(keys.public_jwks(), separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    freshness = (
        "no-cache"
        if keys.is_changing
        else f"max-age={int(get_settings().jwks_max_age.total_seconds())}"
    )
    response = HttpResponse(
        body,
        content_type="application/jwk-set+json",
        headers={
            "ETag": etag,
            "Cache-Control": f"public, {freshness}",
            "X-Content-Type-Options": "nosniff",
        },
    )
    conditional = get_conditional_response(request, etag=etag, response=response) or response
    # Also on a 304, or browsers withhold the cached response from scripts of other origins.
    conditional["Access-Control-Allow-Origin"] = "*"
    return conditional
