"""How does drf-spectacular learn of our authentication classes and endpoints?

It knows the classes as soon as ``token_exchange`` and ``drf_spectacular`` are both installed apps.
The endpoints are plain Django views, which it does not look at: name
``token_exchange.schema.add_endpoints`` in ``SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]``.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from django.urls import URLResolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from token_exchange import views

_Object: TypeAlias = dict[str, Any]

_API_KEY: Final = "ApiKey"
_BEARER: Final = "Bearer"
_BASIC: Final = "Basic"

_SECURITY_SCHEMES: Final[dict[str, _Object]] = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token or auth token, raw or base64-encoded once more.",
    },
    # As a header, because tools offer an HTTP scheme only where it is a registered one.
    _API_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "An API key, with its scheme before it: `ApiKey <key>`.",
    },
    _BASIC: {
        "type": "http",
        "scheme": "basic",
        "description": "The client_id as the user, the client_secret as the password.",
    },
}


class _Scheme(OpenApiAuthenticationExtension):
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> _Object:
        """Return the security scheme object."""
        return dict(_SECURITY_SCHEMES[str(self.name)])


class BearerScheme(_Scheme):
    """Describe ``BearerAuthentication``."""

    target_class = "token_exchange.authentication.BearerAuthentication"
    name = _BEARER


class ApiKeyScheme(_Scheme):
    """Describe ``ApiKeyAuthentication``."""

    target_class = "token_exchange.credential_authentication.ApiKeyAuthentication"
    name = _API_KEY


class ClientAppBasicScheme(_Scheme):
    """Describe ``ClientAppBasicAuthentication``."""

    target_class = "token_exchange.credential_authentication.ClientAppBasicAuthentication"
    name = _BASIC


def _object(properties: _Object, *, required: list[str] | None = None) -> _Object:
    members = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **members}


_TEXT: Final = {"type": "string"}
_KEY: Final = ["kty", "kid", "use", "alg"]

# Named after the app, because the names of a document's components are its project's.
_SCHEMAS: Final[dict[str, _Object]] = {
    "TokenExchangeError": _object(
        {"error": _TEXT, "error_description": _TEXT}, required=["error", "error_description"]
    ),
    "TokenExchangeAccessTokenRequest": _object(
        {
            "scope": {**_TEXT, "description": "Some of the key's scopes, separated by spaces."},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds."},
            "audience": {
                "oneOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": 20}],
                "description": "Some of the key's audiences.",
            },
        }
    ),
    "TokenExchangeAccessTokenResponse": _object(
        {
            "access_token": {**_TEXT, "description": "A signed JWT (RFC 9068)."},
            "token_type": {**_TEXT, "enum": ["Bearer"]},
            "expires_in": {"type": "integer", "description": "Seconds."},
            "scope": _TEXT,
        },
        required=["access_token", "token_type", "expires_in", "scope"],
    ),
    "TokenExchangeAuthTokenRequest": _object(
        {
            "header": _object(
                {
                    **{name: {} for name in ("created", "app_handle", "auth_handle", "version")},
                    "reference": {**_TEXT, "maxLength": 255, "description": "Is sent back."},
                }
            )
        }
    ),
    "TokenExchangeAuthTokenResponse": _object(
        {
            "success": {"type": "boolean"},
            "access_token": _object(
                {
                    "token": {**_TEXT, "description": "A signed JWT (RFC 9068)."},
                    "expiration": {"type": "integer", "description": "Seconds since the epoch."},
                    "expiration_dt": {**_TEXT, "format": "date-time"},
                },
                required=["token", "expiration", "expiration_dt"],
            ),
            "reference": _TEXT,
        },
        required=["success", "access_token"],
    ),
    "TokenExchangeAuthTokensEnded": _object({"success": {"type": "boolean"}}, required=["success"]),
    "TokenExchangeJsonWebKeySet": _object(
        {"keys": {"type": "array", "items": _object(dict.fromkeys(_KEY, _TEXT), required=_KEY)}},
        required=["keys"],
    ),
}


def _content(schema: str, *media_types: str) -> _Object:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {each: {"schema": reference} for each in media_types or ("application/json",)}


def _headers(**descriptions: str) -> _Object:
    return {
        name.replace("_", "-"): {"schema": _TEXT, "description": description}
        for name, description in descriptions.items()
    }


_RATE: Final = _headers(
    RateLimit="What is left of the rate.", RateLimit_Policy="The rate that applies."
)


def _refusal(description: str, **headers: Any) -> _Object:
    return {"description": description, "content": _content("TokenExchangeError"), **headers}


_REFUSALS: Final[_Object] = {
    "400": _refusal("The request is malformed, or asks for more than the credential may have."),
    "401": _refusal(
        "The credential is refused.",
        headers=_headers(WWW_Authenticate="The scheme that is expected."),
    ),
    "429": _refusal(
        "Too many requests.", headers={**_headers(Retry_After="Seconds to wait."), **_RATE}
    ),
    "503": _refusal(
        "Something that the service needs is away.",
        headers=_headers(Retry_After="Seconds to wait."),
    ),
}


def _exchange(
    operation_id: str, summary: str, *, scheme: str, answer: str, body: _Object | None = None
) -> _Object:
    granted = {"description": summary, "content": _content(answer), "headers": _RATE}
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": ["token exchange"],
        "security": [{scheme: []}],
        **({"requestBody": {"content": body}} if body else {}),
        "responses": {"200": granted, **_REFUSALS},
    }


_FORM: Final = "application/x-www-form-urlencoded"

_OPERATIONS: Final[dict[Any, _Object]] = {
    inspect.unwrap(views.token): {
        "post": _exchange(
            "exchange_api_key",
            "Exchange an API key for a new access token.",
            scheme=_API_KEY,
            answer="TokenExchangeAccessTokenResponse",
            body=_content("TokenExchangeAccessTokenRequest", "application/json", _FORM),
        )
    },
    inspect.unwrap(views.auth_token): {
        "post": _exchange(
            "obtain_auth_token",
            "Get the client's auth token, the same one while it lasts.",
            scheme=_BASIC,
            answer="TokenExchangeAuthTokenResponse",
            body=_content("TokenExchangeAuthTokenRequest"),
        ),
        "delete": _exchange(
            "end_auth_tokens",
            "End all tokens of the client.",
            scheme=_BASIC,
            answer="TokenExchangeAuthTokensEnded",
        ),
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
                    "content": _content("TokenExchangeJsonWebKeySet", "application/jwk-set+json"),
                    "headers": _headers(
                        ETag="Of the key set.", Cache_Control="How long it may be kept."
                    ),
                },
                "304": {"description": "The key set has not changed."},
                "503": _REFUSALS["503"],
            },
        }
    },
}
"""By the innermost function, so that a view that its project has decorated is known as well."""


def add_endpoints(result: _Object, generator: Any, **_: object) -> _Object:
    """Add our endpoints, at each path where the document's URLs have them, to the document.

    A postprocessing hook of drf-spectacular.
    """
    mounts = list(_mounts(generator.inspector, generator.inspector.patterns))
    if mounts:
        components = result.setdefault("components", {})
        for kind, ours in {"schemas": _SCHEMAS, "securitySchemes": _SECURITY_SCHEMES}.items():
            components[kind] = {**ours, **components.get(kind, {})}
    taken = _operation_ids(result)
    for path, operations in mounts:
        parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
        for method, operation in operations.items():
            operation_id = _free(operation["operationId"], taken)
            extra = {"parameters": parameters} if parameters else {}
            paths = result["paths"].setdefault(path, {})
            paths[method] = {**operation, "operationId": operation_id, **extra}
    return result


def _mounts(inspector: Any, patterns: Any, prefix: str = "") -> Iterator[tuple[str, _Object]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _mounts(inspector, pattern.url_patterns, route)
        elif operations := _OPERATIONS.get(inspect.unwrap(pattern.callback)):
            yield inspector.get_path_from_regex(route), operations


def _operation_ids(result: _Object) -> set[str]:
    return {
        operation["operationId"]
        for operations in result["paths"].values()
        for operation in operations.values()
    }


def _free(operation_id: str, taken: set[str]) -> str:
    """Return the id, or one like it if the document has it already, and take it."""
    numbered = (f"{operation_id}_{number}" for number in itertools.count(2))
    free = next(each for each in itertools.chain([operation_id], numbered) if each not in taken)
    taken.add(free)
    return free


def _path_parameter(name: str) -> _Object:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}
