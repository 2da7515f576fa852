"""What does each of our endpoints take and answer?"""

from __future__ import annotations

import inspect
from typing import Any, Final

from token_exchange import views
from token_exchange.views.schema.components import API_KEY, BASIC, COUNT, TEXT, Object


def content(schema: str, *media_types: str) -> Object:
    """Return a body of this schema; JSON unless media types are named."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {each: {"schema": reference} for each in media_types or ("application/json",)}


def headers(**descriptions: str) -> Object:
    """Return the headers of an answer; an underscore in a name is a hyphen."""
    return {
        name.replace("_", "-"): {"schema": TEXT, "description": description}
        for name, description in descriptions.items()
    }


RATE: Final = headers(
    RateLimit="What is left of the rate.", RateLimit_Policy="The rate that applies."
)


def refusal(description: str, **headers: Any) -> Object:
    """Return an answer in the one error shape."""
    return {"description": description, "content": content("TokenExchangeError"), **headers}


REFUSALS: Final[Object] = {
    "400": refusal("The request is malformed, or asks for more than the credential may have."),
    "401": refusal(
        "The credential is refused.",
        headers=headers(WWW_Authenticate="The scheme that is expected."),
    ),
    "429": refusal(
        "Too many requests.", headers={**headers(Retry_After="Seconds to wait."), **RATE}
    ),
    "503": refusal(
        "Something that the service needs is away.",
        headers=headers(Retry_After="Seconds to wait."),
    ),
}


def _exchange(
    operation_id: str, summary: str, *, scheme: str, answer: str, body: Object | None = None
) -> Object:
    granted = {"description": summary, "content": content(answer), "headers": RATE}
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": ["token exchange"],
        "security": [{scheme: []}],
        **({"requestBody": {"content": body}} if body else {}),
        "responses": {"200": granted, **REFUSALS},
    }


def query(name: str, schema: Object, description: str) -> Object:
    """Return a parameter of the query, which may be left out."""
    return {"name": name, "in": "query", "schema": schema, "description": description}


_FORM: Final = "application/x-www-form-urlencoded"

OPERATIONS: Final[dict[Any, Object]] = {
    inspect.unwrap(views.token): {
        "post": _exchange(
            "exchange_api_key",
            "Exchange an API key for a new access token.",
            scheme=API_KEY,
            answer="TokenExchangeAccessTokenResponse",
            body=content("TokenExchangeAccessTokenRequest", "application/json", _FORM),
        )
    },
    inspect.unwrap(views.auth_token): {
        "post": _exchange(
            "obtain_auth_token",
            "Get the client's auth token, the same one while it lasts.",
            scheme=BASIC,
            answer="TokenExchangeAuthTokenResponse",
            body=content("TokenExchangeAuthTokenRequest"),
        ),
        "delete": _exchange(
            "end_auth_tokens",
            "End all tokens of the client.",
            scheme=BASIC,
            answer="TokenExchangeAuthTokensEnded",
        ),
    },
    inspect.unwrap(views.leaked_credentials): {
        "post": {
            "operationId": "report_leaked_credentials",
            "summary": "Report secrets that were found where they should not be; they are revoked.",
            "tags": ["token exchange"],
            "security": [{}],
            "requestBody": {"required": True, "content": content("TokenExchangeLeakReport")},
            "responses": {
                "202": {
                    "description": "The report was taken; whether anything matched is not told.",
                    "content": content("TokenExchangeLeakReportTaken"),
                    "headers": RATE,
                },
                "400": refusal("The body is no list of strings, or too large."),
                **{each: REFUSALS[each] for each in ("429", "503")},
            },
        }
    },
    inspect.unwrap(views.revocations): {
        "get": {
            "operationId": "revocations",
            "summary": "Get what has been revoked, or what of it is new.",
            "tags": ["token exchange"],
            "security": [{API_KEY: []}],
            "parameters": [
                query("epoch", TEXT, "That of the answer before; none at first."),
                query("after", COUNT, "The position of the answer before; none at first."),
            ],
            "responses": {
                "200": {
                    "description": "A part of the feed, in its order, and all that is inactive.",
                    "content": content("TokenExchangeRevocations"),
                    "headers": headers(ETag="Of all but the time."),
                },
                "304": {"description": "Nothing but the time has changed."},
                **{each: REFUSALS[each] for each in ("400", "401", "429", "503")},
                "403": refusal("The key lacks the scope token_exchange:revocations."),
            },
        }
    },
    inspect.unwrap(views.jwks): {
        "get": {
            "operationId": "published_keys",
            "summary": "Get the keys with which anyone can verify the tokens.",
            "tags": ["token exchange"],
            "security": [{}],
            "responses": {
                "200": {
                    "description": "The key set (RFC 7517).",
                    "content": content("TokenExchangeJsonWebKeySet", "application/jwk-set+json"),
                    "headers": headers(
                        ETag="Of the key set.", Cache_Control="How long it may be kept."
                    ),
                },
                "304": {"description": "The key set has not changed."},
                "503": REFUSALS["503"],
            },
        }
    },
}
"""By the innermost function, so that a view that its project has decorated is known as well."""
