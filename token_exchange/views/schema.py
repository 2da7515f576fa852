"""OpenAPI description of the endpoints and authentication classes, for drf-spectacular.

drf-spectacular finds the authentication classes when it and ``token_exchange`` are installed apps.
The endpoints are plain Django views, which it doesn't inspect: to have them described, name
``token_exchange.views.schema.add_endpoints`` in ``SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]``.
What it adds is in ``openapi.json``.
"""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.urls import URLResolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import append_meta

from token_exchange import views

Object: TypeAlias = dict[str, Any]

_VIEWS: Final = {
    "/v1/token": views.token,
    "/auth_token": views.auth_token,
    "/v1/leaked-credentials": views.leaked_credentials,
    "/v1/user-api-keys": views.user_api_keys,
    "/v1/user-api-keys/{identifier}": views.user_api_key,
    "/v1/user-api-keys/{identifier}/rotate": views.rotate_user_api_key,
    "/v1/revocations": views.revocations,
    "/.well-known/jwks.json": views.jwks,
}
"""The view that each path of ``openapi.json`` describes."""

# By the innermost function, so that a view that the project has decorated is found as well.
_PATHS: Final = {inspect.unwrap(view): path for path, view in _VIEWS.items()}


class _Scheme(OpenApiAuthenticationExtension):
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> Object:
        """Return the security scheme object."""
        return dict(_read()["components"]["securitySchemes"][self.name])


class BearerScheme(_Scheme):
    """Describe ``BearerAuthentication``."""

    target_class = "token_exchange.authentication.BearerAuthentication"
    name = "Bearer"


class ApiKeyScheme(_Scheme):
    """Describe ``ApiKeyAuthentication``."""

    target_class = "token_exchange.issuer.authentication.ApiKeyAuthentication"
    name = "ApiKey"


class ClientAppBasicScheme(_Scheme):
    """Describe ``ClientAppBasicAuthentication``."""

    target_class = "token_exchange.issuer.authentication.ClientAppBasicAuthentication"
    name = "Basic"


def add_endpoints(result: Object, generator: Any, **_: object) -> Object:
    """Add our endpoints to the schema, at each path where the project mounts them.

    A postprocessing hook of drf-spectacular. Components that the project has under the same name
    stay, and an operation ID that is taken gets a number.
    """
    inspector = generator.inspector
    mounts = list(_mounts(inspector, inspector.patterns))
    if not mounts:
        return result
    ours = _read()
    ours["components"]["securitySchemes"]["Session"]["name"] = settings.SESSION_COOKIE_NAME
    components = result.setdefault("components", {})
    for kind in ("schemas", "securitySchemes"):
        added = _inlined(ours["components"][kind], ours)
        components[kind] = {**added, **components.get(kind, {})}
    taken = _operation_ids(result)
    for path, described_path in mounts:
        operations = result["paths"].setdefault(path, {})
        for method, operation in _operations(path, _inlined(ours["paths"][described_path], ours)):
            operation["operationId"] = _free(operation["operationId"], taken)
            operations[method] = operation
    return result


def _read() -> Object:
    """Return the content of ``openapi.json``, as new objects that later hooks may change."""
    text = resources.files("token_exchange.views").joinpath("openapi.json").read_text("utf-8")
    document: Object = json.loads(text)
    return document


def _mounts(inspector: Any, patterns: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each path of the project that leads to one of our views, and our path for it."""
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _mounts(inspector, pattern.url_patterns, route)
        elif described_path := _PATHS.get(inspect.unwrap(pattern.callback)):
            yield inspector.get_path_from_regex(route), described_path


def _inlined(value: Any, document: Object) -> Any:
    """Return a copy with shared responses and headers in place of the references to them.

    The project's schema gets only our schemas and security schemes as components.
    """
    if isinstance(value, list):
        return [_inlined(each, document) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref", "#/components/schemas/")
    if not reference.startswith("#/components/schemas/"):
        _root, _components, kind, name = reference.split("/")
        return _inlined(document["components"][kind][name], document)
    copy = {name: _inlined(each, document) for name, each in value.items()}
    # OpenAPI 3.1 has a type "null" where 3.0 has "nullable".
    return append_meta(copy, {}) if copy.get("nullable") is True else copy


def _operations(path: str, item: Object) -> Iterator[tuple[str, Object]]:
    """Yield the methods and operations of a path item, with every variable of the path."""
    described = {each["name"]: each for each in item.pop("parameters", [])}
    names = re.findall(r"{(\w+)}", path)
    of_path = [described.get(name) or _path_parameter(name) for name in names]
    for method, operation in item.items():
        parameters = [*of_path, *operation.get("parameters", [])]
        yield method, {**operation, **({"parameters": parameters} if parameters else {})}


def _path_parameter(name: str) -> Object:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _operation_ids(result: Object) -> set[str]:
    return {
        operation["operationId"]
        for operations in result["paths"].values()
        for operation in operations.values()
    }


def _free(operation_id: str, taken: set[str]) -> str:
    """Return the ID, or one like it if the document has it already, and take it."""
    numbered = (f"{operation_id}_{number}" for number in itertools.count(2))
    free = next(each for each in itertools.chain([operation_id], numbered) if each not in taken)
    taken.add(free)
    return free
