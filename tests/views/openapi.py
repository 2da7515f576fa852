"""The content of openapi.json, and a caller that may use every operation in it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from django.test import Client

from tests.self_service.members import make_member
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
)
from token_exchange_core.scopes import REVOCATIONS_SCOPE

TEXT = resources.files("token_exchange.views").joinpath("openapi.json").read_text("utf-8")
DOCUMENT = json.loads(TEXT)
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    (method, path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}


def schema(name: str) -> Any:
    return SCHEMAS[f"TokenExchange{name}"]


def resolve(reference: str) -> Any:
    found = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def resolved(value: Any) -> Any:
    """The value with the objects that it refers to, as JSON Schema knows it."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return resolved(resolve(value["$ref"]))
    members = {name: resolved(each) for name, each in value.items()}
    if members.get("nullable") is True:
        members["type"] = [members["type"], "null"]
    if isinstance(members.get("properties"), dict):
        members["additionalProperties"] = False
    return members


class Caller:
    """Calls each operation with a credential that may use it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.member = make_member(client)
        self.headers = {
            "ApiKey": api_key_header(make_api_key(scopes=["reports:read", REVOCATIONS_SCOPE])),
            "Basic": basic_header(make_client_app()),
            "Bearer": bearer_header(self.member.token()),
        }

    def __call__(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        scheme = next(iter(OPERATIONS[method, path]["security"][0]), None)
        identifier = self.member.add_key(scopes=["reports:read"]).credential.identifier
        return self.client.generic(
            method.upper(),
            path.replace("{identifier}", identifier) + query,
            "" if body is None else json.dumps(body),
            "application/json",
            headers=self.headers.get(scheme, {}),
        )
