"""Real requests against openapi.json: members and limits."""

from __future__ import annotations

import re

import pytest

from tests.self_service.members import KEYS
from tests.views.openapi import OPERATIONS, TEXT, resolved, schema


def members() -> list[tuple[str, str, str]]:
    """Each member of each body: the method and path of the operation, and its name."""
    return [
        (method, path, name)
        for (method, path), operation in OPERATIONS.items()
        if "requestBody" in operation
        for name in resolved(operation["requestBody"]["content"]["application/json"]["schema"]).get(
            "properties", {}
        )
    ]


def uris(count: int) -> list[str]:
    return [f"https://api.example.com/{each}" for each in range(count)]


@pytest.mark.django_db
class TestRequests:
    @pytest.mark.parametrize(("method", "path", "name"), members())
    def test_member_is_read(self, call, method, path, name):
        answer = call(method, path, {name: [[]]})
        assert answer.status_code == 400
        assert name in answer.json()["error_description"]

    def test_member_of_the_header_is_read(self, call):
        answer = call("post", "/auth_token", {"header": {"reference": []}})
        assert answer.status_code == 400
        assert "reference" in answer.json()["error_description"]

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/v1/token", "expires_in"),
            (KEYS, "expires_in"),
            (f"{KEYS}/{{identifier}}/rotate", "overlap"),
        ],
    )
    def test_minimum_is_the_least_that_is_taken(self, call, path, name):
        content = OPERATIONS["post", path]["requestBody"]["content"]
        described = resolved(content["application/json"]["schema"])["properties"][name]
        least = described["minimum"]
        assert call("post", path, {name: least}).status_code < 300
        assert call("post", path, {name: least - 1}).status_code == 400

    def test_position_of_the_feed_begins_at_its_minimum(self, call):
        (_epoch, after, _mark) = OPERATIONS["get", "/v1/revocations"]["parameters"]
        least = after["schema"]["minimum"]
        assert call("get", "/v1/revocations", query=f"?after={least}").status_code == 200
        assert call("get", "/v1/revocations", query=f"?after={least - 1}").status_code == 400

    @pytest.mark.parametrize(
        ("path", "described", "make"),
        [
            (
                "/v1/token",
                schema("AccessTokenRequest")["properties"]["audience"]["oneOf"][1],
                lambda count: {"audience": uris(count)},
            ),
            (
                KEYS,
                schema("UserApiKeyRequest")["properties"]["audience"],
                lambda count: {"audience": uris(count)},
            ),
            (
                KEYS,
                schema("UserApiKeyRequest")["properties"]["allowed_networks"],
                lambda count: {"allowed_networks": [f"192.0.2.{each}" for each in range(count)]},
            ),
            ("/v1/leaked-credentials", schema("LeakReport"), uris),
        ],
    )
    def test_list_is_refused_only_if_longer_than_described(self, call, path, described, make):
        most = described["maxItems"]
        longest, too_long = call("post", path, make(most)), call("post", path, make(most + 1))
        # The audiences are not the key's; that is seen only after the list was read.
        assert longest.status_code < 300 or longest.json()["error"] == "invalid_target"
        assert (too_long.status_code, too_long.json()["error"]) == (400, "invalid_request")

    @pytest.mark.parametrize(
        ("path", "described", "make"),
        [
            (
                "/auth_token",
                schema("AuthTokenRequest")["properties"]["header"]["properties"]["reference"],
                lambda length: {"header": {"reference": "x" * length}},
            ),
            (
                KEYS,
                schema("UserApiKeyRequest")["properties"]["label"],
                lambda length: {"label": "x" * length},
            ),
            (
                "/v1/leaked-credentials",
                schema("LeakReport")["items"],
                lambda length: ["x" * length],
            ),
        ],
    )
    def test_text_is_refused_only_if_longer_than_described(self, call, path, described, make):
        most = described["maxLength"]
        assert call("post", path, make(most)).status_code < 300
        assert call("post", path, make(most + 1)).status_code == 400

    def test_every_limit_is_tested_above(self):
        limits = re.findall(r'"(minimum|maxItems|maxLength)": ', TEXT)
        # The feed's answer has two minimums of its own.
        assert sorted(limits) == ["maxItems"] * 4 + ["maxLength"] * 3 + ["minimum"] * 6
