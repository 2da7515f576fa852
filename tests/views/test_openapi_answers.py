"""Real answers against openapi.json: statuses, headers and members."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from tests.self_service.members import KEYS
from tests.support.factories import (
    api_key_header,
    make_api_key,
)
from tests.views.openapi import OPERATIONS, resolved, schema
from token_exchange.issuer.credentials import Act
from token_exchange.issuer.signing_keys import rotate_signing_key
from token_exchange.models import Credential
from token_exchange_core.keys import ALGORITHMS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.django_db
class TestAnswers:
    """Real answers have the status, headers and members that are described, and no others."""

    def check(self, answer: Any, method: str, path: str) -> None:
        responses = resolved(OPERATIONS[method, path]["responses"])
        response = responses[str(answer.status_code)]
        ((media_type, content),) = response["content"].items()
        assert answer["Content-Type"] == media_type
        jsonschema.validate(
            json.loads(answer.content), content["schema"], jsonschema.Draft202012Validator
        )
        assert set(response.get("headers", {})) <= set(answer.headers)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_success_is_as_described(self, call, method, path):
        answer = call(method, path, [] if path == "/v1/leaked-credentials" else None)
        assert answer.status_code < 300
        self.check(answer, method, path)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_plain_http_is_refused_as_described(self, client, method, path):
        answer = client.generic(method.upper(), path)
        assert answer.status_code == 400
        self.check(answer, method, path)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_missing_credential_is_refused_as_described(self, https_client, method, path):
        operation = OPERATIONS[method, path]
        answer = https_client.generic(method.upper(), path, "[]", "application/json")
        assert (answer.status_code == 401) == ({} not in operation["security"])
        self.check(answer, method, path)

    @pytest.mark.usefixtures("still_clock")
    @pytest.mark.parametrize(
        ("method", "path"), [each for each in OPERATIONS if each[1] != "/.well-known/jwks.json"]
    )
    def test_excess_is_refused_as_described(
        self, https_client, token_exchange_settings, method, path
    ):
        token_exchange_settings(RATE_LIMITS=dict.fromkeys(("failure", "leak_report"), "1/h"))
        for _ in range(2):
            answer = https_client.generic(
                method.upper(),
                path,
                "[]",
                "application/json",
                headers={"authorization": "Bearer x"},
            )
        assert answer.status_code == 429
        self.check(answer, method, path)

    def test_reference_is_returned(self, call):
        answer = call("post", "/auth_token", {"header": {"reference": "x"}})
        assert answer.json()["reference"] == "x"
        self.check(answer, "post", "/auth_token")

    def test_keys_of_all_algorithms_have_the_described_members(self, call, token_exchange_settings):
        described = schema("JsonWebKeySet")["properties"]["keys"]["items"]
        members = set()
        for algorithm in ALGORITHMS:
            token_exchange_settings(ALGORITHM=algorithm)
            rotate_signing_key(all_new=True, act=Act(now=datetime.now(UTC)))
            answer = call("get", "/.well-known/jwks.json")
            self.check(answer, "get", "/.well-known/jwks.json")
            members |= {name for key in answer.json()["keys"] for name in key}
        assert members == set(described["properties"])

    def test_revocations_are_as_described(self, call):
        make_api_key().credential.delete()
        call("post", "/auth_token")
        call("delete", "/auth_token")
        answer = call("get", "/v1/revocations")
        ended = [each["generation"] for each in answer.json()["revocations"]]
        assert ended == [None, 1]
        self.check(answer, "get", "/v1/revocations")

    def test_key_with_everything_has_every_member(self, call):
        later = datetime.now(UTC) + timedelta(hours=1)
        key = call.member.add_key().credential
        Credential.objects.filter(pk=key.pk).update(
            expires_at=later,
            previous_secret_digest="0" * 64,
            previous_secret_expires_at=later,
            revoked_at=NOW,
            last_used_at=NOW,
            last_used_from="192.0.2.1",
        )
        answer = call("get", KEYS)
        shown = {each["id"]: each for each in answer.json()["api_keys"]}
        assert set(shown[key.identifier]) == set(schema("UserApiKey")["properties"])
        self.check(answer, "get", KEYS)

    def test_unfinished_list_names_the_next_page(self, call):
        for _ in range(101):
            call.member.add_key()
        answer = call("get", KEYS)
        assert set(answer.json()) == set(schema("UserApiKeys")["properties"])
        self.check(answer, "get", KEYS)

    def test_unknown_key_is_refused_as_described(self, call):
        for method, suffix in (("delete", ""), ("post", "/rotate")):
            answer = call.member.call(method.upper(), f"{KEYS}/sk_live.unknown{suffix}")
            assert answer.status_code == 404
            self.check(answer, method, f"{KEYS}/{{identifier}}{suffix}")

    def test_scope_that_is_lacking_is_named_as_described(self, call):
        token = call.member.token(scope="reports:read")
        answer = call.member.call("POST", KEYS, token=token)
        assert answer.status_code == 403
        self.check(answer, "post", KEYS)

    def test_key_without_the_scope_of_the_feed_is_refused_as_described(self, https_client):
        answer = https_client.get("/v1/revocations", headers=api_key_header(make_api_key()))
        assert answer.status_code == 403
        self.check(answer, "get", "/v1/revocations")

    def test_conflict_is_as_described(self, call):
        key = call.member.add_key(scopes=["reports:read"]).credential
        for _ in range(2):
            answer = call.member.rotate(key.identifier)
        assert answer.status_code == 409
        self.check(answer, "post", f"{KEYS}/{{identifier}}/rotate")
