"""How does drf-spectacular learn of our authentication classes and endpoints?

It knows the classes as soon as ``token_exchange`` and ``drf_spectacular`` are both installed apps.
The endpoints are plain Django views, which it does not look at: name
``token_exchange.views.schema.add_endpoints`` in ``SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]``.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.urls import URLResolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from token_exchange.views.schema.components import (
    API_KEY,
    BASIC,
    BEARER,
    SCHEMAS,
    SECURITY_SCHEMES,
    SESSION,
    TEXT,
    Object,
)
from token_exchange.views.schema.operations import OPERATIONS
from token_exchange.views.schema.user_api_keys import OPERATIONS as USER_API_KEY_OPERATIONS

_OPERATIONS: Final = {**OPERATIONS, **USER_API_KEY_OPERATIONS}


class _Scheme(OpenApiAuthenticationExtension):
    match_subclasses = True

    def get_security_definition(self, auto_schema: Any) -> Object:
        """Return the security scheme object."""
        return dict(SECURITY_SCHEMES[str(self.name)])


class BearerScheme(_Scheme):
    """Describe ``BearerAuthentication``."""

    target_class = "token_exchange.authentication.BearerAuthentication"
    name = BEARER


class ApiKeyScheme(_Scheme):
    """Describe ``ApiKeyAuthentication``."""

    target_class = "token_exchange.issuer.authentication.ApiKeyAuthentication"
    name = API_KEY


class ClientAppBasicScheme(_Scheme):
    """Describe ``ClientAppBasicAuthentication``."""

    target_class = "token_exchange.issuer.authentication.ClientAppBasicAuthentication"
    name = BASIC


def add_endpoints(result: Object, generator: Any, **_: object) -> Object:
    """Add our endpoints, at each path where the document's URLs have them, to the document.

    A postprocessing hook of drf-spectacular.
    """
    mounts = list(_mounts(generator.inspector, generator.inspector.patterns))
    if mounts:
        components = result.setdefault("components", {})
        for kind, ours in {"schemas": SCHEMAS, "securitySchemes": _security_schemes()}.items():
            components[kind] = {**ours, **components.get(kind, {})}
    taken = _operation_ids(result)
    for path, operations in mounts:
        parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
        for method, operation in operations.items():
            operation_id = _free(operation["operationId"], taken)
            own = [*parameters, *operation.get("parameters", ())]
            extra = {"parameters": own} if own else {}
            paths = result["paths"].setdefault(path, {})
            paths[method] = {**operation, "operationId": operation_id, **extra}
    return result


def _security_schemes() -> Object:
    session = {**SECURITY_SCHEMES[SESSION], "name": settings.SESSION_COOKIE_NAME}
    return {**SECURITY_SCHEMES, SESSION: session}


def _mounts(inspector: Any, patterns: Any, prefix: str = "") -> Iterator[tuple[str, Object]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _mounts(inspector, pattern.url_patterns, route)
        elif described := _OPERATIONS.get(inspect.unwrap(pattern.callback)):
            yield inspector.get_path_from_regex(route), described


def _operation_ids(result: Object) -> set[str]:
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


def _path_parameter(name: str) -> Object:
    return {"name": name, "in": "path", "required": True, "schema": TEXT}
