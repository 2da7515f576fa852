"""A signed-in user who opens and submits the self-service forms."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from tests.support.clients import HttpsClient
from tests.support.factories import make_api_key, make_user
from token_exchange.issuer.credentials import IssuedSecret

PAGES = "/account/keys/"
HIDDEN = re.compile(r'<input type="hidden" name="(signed_identifier|version)" value="([^"]*)"')


class Visitor:
    """A signed-in user with an entitlement to keys."""

    def __init__(self, entitlement: dict[str, Any], *, user: Any = None, **options: Any) -> None:
        self.client = HttpsClient(**options)
        self.user = user or make_user()
        self.client.force_login(self.user)
        self.entitlement = entitlement

    def add_key(self, **values: Any) -> IssuedSecret:
        """Issue a key for the user, as an operator would."""
        organization = self.entitlement["organization"]
        return make_api_key(**{"owner": self.user, "organization": organization, **values})

    def get(self, path: str = "") -> Any:
        return self.client.get(PAGES + path)

    def fill_in(self, path: str) -> dict[str, str]:
        """Open a form and return its hidden fields."""
        found = re.sub(r' id="id_version"', "", self.get(path).content.decode())
        return {name: unescape(value) for name, value in HIDDEN.findall(found)}

    def send(self, path: str, **values: Any) -> Any:
        """Open a form and submit it with these values."""
        return self.client.post(PAGES + path, {**self.fill_in(path), **values})


@pytest.fixture
def visitor(entitlement):
    entitlement["scopes"] = ["keys:manage", "reports:read"]
    return Visitor(entitlement)
