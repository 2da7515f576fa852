"""openapi.json against the code: endpoints, members, enumerations, codes and scopes."""

from __future__ import annotations

import re
from dataclasses import fields

from drf_spectacular.validation import validate_schema

from tests.views.openapi import DOCUMENT, OPERATIONS, TEXT, resolved, schema
from token_exchange import urls
from token_exchange.issuer.self_service.authority import KEYS_MANAGE_SCOPE
from token_exchange.models import Credential
from token_exchange.models.credential_state import State
from token_exchange_core.errors import MethodNotAllowed, ServerError, TokenExchangeError
from token_exchange_core.revocation_feed import FeedPage
from token_exchange_core.revocation_set import Revocation, RevocationKind
from token_exchange_core.scopes import RESERVED_SCOPES


def subclasses(error: type) -> set[type]:
    return {error}.union(*(subclasses(each) for each in error.__subclasses__()))


class TestDocument:
    def test_document_is_valid_openapi(self):
        validate_schema(DOCUMENT)

    def test_every_component_is_used_and_every_reference_resolves(self):
        referenced = set(re.findall(r'"#/(components/[^"]+)"', TEXT))
        used = {name for each in OPERATIONS.values() for one in each["security"] for name in one}
        assert referenced | {f"components/securitySchemes/{name}" for name in used} == {
            f"components/{kind}/{name}"
            for kind, components in DOCUMENT["components"].items()
            for name in components
        }

    def test_operation_ids_are_unique(self):
        ids = [operation["operationId"] for operation in OPERATIONS.values()]
        assert len(set(ids)) == len(ids)

    def test_every_endpoint_of_the_urls_is_described_and_no_other(self, rf):
        served = set()
        for pattern in urls.urlpatterns:
            path = "/" + re.sub(r"<str:(\w+)>", r"{\1}", str(pattern.pattern))
            arguments = dict.fromkeys(re.findall(r"{(\w+)}", path), "x")
            refused = pattern.callback(rf.generic("BREW", "/", secure=True), **arguments)
            served |= {(each.lower(), path) for each in refused["Allow"].split(", ")}
        assert set(OPERATIONS) == {each for each in served if each[0] != "head"}

    def test_a_key_with_its_secret_is_the_key_and_its_secret(self):
        key, with_secret = schema("UserApiKey"), schema("UserApiKeyWithSecret")
        names = ("api_key", "also_revoked", "also_rotated")
        more = {name: with_secret["properties"][name] for name in names}
        assert with_secret["required"] == [*key["required"], "api_key"]
        assert with_secret["properties"] == {**key["properties"], **more}


class TestValues:
    def test_enumerations_are_those_of_the_code(self):
        revocation = schema("Revocations")["properties"]["revocations"]["items"]
        assert revocation["properties"]["kind"]["enum"] == [each.value for each in RevocationKind]
        state = schema("UserApiKey")["properties"]["state"]
        assert state["enum"] == [each.value for each in State]

    def test_no_other_enumeration_than_the_token_type(self):
        found = re.findall(r'"enum": \[([^]]*)\]', TEXT)
        states = ", ".join(f'"{each}"' for each in State)
        kinds = ", ".join(f'"{each}"' for each in RevocationKind)
        assert found == ['"Bearer"', states, states, kinds]

    def test_feed_has_the_members_of_a_page(self):
        page = schema("Revocations")
        names = ["version", *(each.name for each in fields(FeedPage))]
        assert page["required"] == list(page["properties"]) == names
        revocation = page["properties"]["revocations"]["items"]
        assert revocation["required"] == list(revocation["properties"])
        assert sorted(revocation["required"]) == sorted(each.name for each in fields(Revocation))

    def test_label_is_as_long_as_its_column(self):
        label = schema("UserApiKeyRequest")["properties"]["label"]
        assert label["maxLength"] == Credential._meta.get_field("name").max_length

    def test_scopes_are_those_of_the_code(self):
        named = set(re.findall(r"`([a-z_]+:[a-z_]+)`", TEXT))
        assert named == {KEYS_MANAGE_SCOPE, *RESERVED_SCOPES}

    def test_error_codes_are_those_of_the_code_for_each_status(self):
        described: dict[int, set[str]] = {}
        for operation in OPERATIONS.values():
            for status, response in operation["responses"].items():
                codes = set(re.findall(r"`([a-z_]+)`", resolved(response)["description"]))
                if int(status) >= 400:
                    described.setdefault(int(status), set()).update(codes)
        raised: dict[int, set[str]] = {}
        for error in subclasses(TokenExchangeError):
            raised.setdefault(error.status, set()).add(error.error)
        # Every endpoint may answer these, and a client can do nothing about them.
        for error in (MethodNotAllowed, ServerError):
            del raised[error.status]
        assert described == raised
