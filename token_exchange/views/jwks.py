"""The keys with which anyone can verify our tokens: ``GET /.well-known/jwks.json`` (RFC 7517)."""

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
    """Publish the key set, for anyone to read and to keep for ``JWKS_MAX_AGE``.

    While a new key waits to sign, caches are asked to look again each time.
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
    answer = get_conditional_response(request, etag=etag, response=response) or response
    # On a 304 as well, or a browser keeps it from a script of another origin.
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
