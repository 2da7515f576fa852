"""A user who manages keys with the token of their own key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.factories import (
    api_key_header,
    bearer_header,
    make_api_key,
    make_organization,
    make_user,
)
from token_exchange.issuer.credentials import IssuedSecret

KEYS = "/v1/user-api-keys"


@dataclass
class Member:
    """A user who calls the API with a token of their key."""

    client: Any
    user: Any
    issued: IssuedSecret

    @property
    def organization(self) -> Any:
        return self.issued.credential.organization

    @property
    def origin(self) -> str:
        """The origin that the audit trail stores for the member's token."""
        return f"127.0.0.1 with {self.issued.credential.identifier}"

    def token(self, issued: IssuedSecret | None = None, **asked: Any) -> str:
        """Exchange a key for a token, by default the member's own."""
        headers = api_key_header(issued or self.issued)
        body = json.dumps(asked)
        path, kind = "/v1/token", "application/json"
        answer = self.client.post(path, body, content_type=kind, headers=headers)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str = KEYS, *, token: str | None = None, **body: Any) -> Any:
        """Send JSON with a token, by default a new one of the member's key."""
        return self.client.generic(
            method,
            path,
            json.dumps(body) if body else "",
            "application/json",
            headers=bearer_header(token or self.token()),
        )

    def create(self, **body: Any) -> Any:
        return self.call("POST", **body)

    def rotate(self, identifier: str, **body: Any) -> Any:
        return self.call("POST", f"{KEYS}/{identifier}/rotate", **body)

    def delete(self, identifier: str, **body: Any) -> Any:
        return self.call("DELETE", f"{KEYS}/{identifier}", **body)

    def add_key(self, **values: Any) -> IssuedSecret:
        """Issue another key for the same user, as an operator would."""
        return make_api_key(**{"owner": self.user, "organization": self.organization, **values})


def make_member(client: Any, *, user: Any = None, **values: Any) -> Member:
    """Create a user with a key that may manage keys."""
    user = user or make_user()
    defaults = {
        "organization": make_organization(),
        "scopes": ["keys:manage", "reports:read", "reports:write"],
        "owner": user,
    }
    return Member(client, user, make_api_key(**{**defaults, **values}))
