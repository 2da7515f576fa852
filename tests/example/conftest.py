"""The example's URLs, views and REST settings, on the test database."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from config import settings as example
from tests.support.factories import api_key_header, basic_header, bearer_header


@pytest.fixture(autouse=True)
def _example(settings: Any) -> None:
    settings.ROOT_URLCONF = "config.urls"
    settings.TIME_ZONE = example.TIME_ZONE
    settings.LOGIN_URL = example.LOGIN_URL
    settings.LOGIN_REDIRECT_URL = example.LOGIN_REDIRECT_URL
    settings.REST_FRAMEWORK = example.REST_FRAMEWORK
    settings.TOKEN_EXCHANGE = {
        **settings.TOKEN_EXCHANGE,
        **{name: example.TOKEN_EXCHANGE[name] for name in ("SCOPES", "SELF_SERVICE_ENTITLEMENT")},
    }


class Caller:
    """A client of the example with a token."""

    def __init__(self, client: Client, token: str) -> None:
        self.client = client
        self.headers = bearer_header(token)

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(path, body, content_type="application/json", headers=self.headers)


@pytest.fixture
def caller(https_client: Client) -> Any:
    """Return ``caller(issued)``, which exchanges a credential and returns a ``Caller``."""

    def exchange(issued: Any) -> Caller:
        if issued.credential.kind == "api_key":
            answer = https_client.post("/v1/token", headers=api_key_header(issued))
            return Caller(https_client, answer.json()["access_token"])
        answer = https_client.post("/auth_token", headers=basic_header(issued))
        return Caller(https_client, answer.json()["access_token"]["token"])

    return exchange
