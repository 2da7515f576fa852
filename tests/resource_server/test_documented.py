"""docs/resource-server.md: its applications work as the page describes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import pytest

from tests.support.claims import PAYLOAD
from tests.support.fake_issuer import FEED_PATH, JWKS_PATH, Issuer, Reply, jwks, page
from tests.support.forged_tokens import KEY, make_token
from tests.support.paths import DOCS

PAGE = DOCS / "resource-server.md"


@pytest.fixture
def names(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the page's plain ASGI and readiness blocks define."""
    monkeypatch.setenv("REVOCATIONS_API_KEY", "sk_live.hidden")
    issuer.says(JWKS_PATH, jwks(KEY))
    issuer.says(FEED_PATH, page(as_of=int(time.time())))
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    source = "".join(each for each in blocks if "to_thread" in each)
    names: dict[str, Any] = {}
    exec(source.replace("https://api.example.com", issuer.url), names)
    return names


def call(app: Any, *authorization: str) -> tuple[int, dict[bytes, bytes], Any]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"authorization", each.encode()) for each in authorization]
    asyncio.run(app({"type": "http", "headers": headers}, None, send))
    start, body = sent
    return start["status"], dict(start["headers"]), json.loads(body["body"])


def token_of(issuer: Issuer) -> str:
    now = int(time.time())
    claims = {"iss": issuer.url, "aud": issuer.url, "iat": now, "exp": now + 600}
    return make_token(payload={**PAYLOAD, **claims})


class TestPlainApplication:
    def test_good_token(self, names, issuer):
        status, _, body = call(names["app"], f"Bearer {token_of(issuer)}")
        assert (status, body) == (200, {"client_id": PAYLOAD["client_id"]})

    def test_no_token(self, names):
        status, headers, _ = call(names["app"])
        assert (status, headers[b"www-authenticate"]) == (401, b'Bearer realm="token_exchange"')

    def test_bad_token(self, names):
        status, headers, body = call(names["app"], "Bearer garbage")
        assert (status, body) == (401, {"error": "invalid_token"})
        assert b'error="invalid_token"' in headers[b"www-authenticate"]

    def test_header_that_was_sent_twice(self, names):
        status, headers, body = call(names["app"], "Bearer a", "Bearer b")
        assert (status, body) == (400, {"error": "invalid_request"})
        assert b"www-authenticate" not in headers

    def test_issuer_is_away(self, names, issuer):
        issuer.says(FEED_PATH, Reply(status=503))
        status, headers, body = call(names["app"], f"Bearer {token_of(issuer)}")
        assert (status, body) == (503, {"error": "temporarily_unavailable"})
        assert b"www-authenticate" not in headers

    def test_is_ready_where_the_issuer_answers(self, names):
        assert asyncio.run(names["is_ready"]())

    def test_is_not_ready_where_it_does_not(self, names, issuer):
        issuer.says(FEED_PATH, Reply(status=503))
        assert not asyncio.run(names["is_ready"]())
