"""Requests as clients send them, and assertions about their responses."""

from __future__ import annotations

import json
import re
from typing import Any

import jwt
from django.conf import settings
from django.test import Client

from token_exchange.models import AccessToken, Credential, SigningKey

ENDPOINTS = ("/v1/token", "/auth_token")
CHALLENGES = {
    "/v1/token": 'ApiKey realm="token_exchange"',
    "/auth_token": 'Basic realm="token_exchange", charset="UTF-8"',
}


def post_json(client: Client, path: str, members: Any, headers: dict[str, str]) -> Any:
    return client.post(path, json.dumps(members), content_type="application/json", headers=headers)


def published_jwks(client: Client) -> jwt.PyJWKSet:
    return jwt.PyJWKSet.from_dict(json.loads(client.get("/.well-known/jwks.json").content))


def verified_claims(client: Client, token: str, **options: Any) -> dict[str, Any]:
    """Return the claims, verified with PyJWT and the published keys only."""
    header = jwt.get_unverified_header(token)
    key = published_jwks(client)[header["kid"]]
    issuer = settings.TOKEN_EXCHANGE["ISSUER"]
    required = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
    return jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        issuer=issuer,
        audience=options.pop("audience", issuer),
        options={"require": required, **options},
    )


def stored_rows() -> dict[str, list[dict[str, Any]]]:
    """Return every row that a request could change, without times of last use."""
    rows = {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Credential, AccessToken, SigningKey)
    }
    for row in rows["Credential"]:
        del row["last_used_at"], row["previous_secret_last_used_at"]
    return rows


def assert_refused(response: Any, status: int, error: str) -> str:
    """Assert the common format of errors (RFC 6749, section 5.2); return the description."""
    body = json.loads(response.content)
    assert response.status_code == status, body
    assert sorted(body) == ["error", "error_description"]
    assert body["error"] == error
    description = body["error_description"]
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", description)
    assert response["Content-Type"] == "application/json"
    assert_not_stored(response)
    return description


def assert_not_stored(response: Any) -> None:
    assert response["Cache-Control"] == "no-store, private, max-age=0"
    assert response["Pragma"] == "no-cache"
    assert "Authorization" in response["Vary"]
    assert not response.cookies


def wire(response: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return the response as bytes, without the parts that depend on the time."""
    moment = {"Date", "RateLimit"}
    headers = sorted((name, value) for name, value in response.items() if name not in moment)
    return response.status_code, headers, response.content
