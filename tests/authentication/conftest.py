"""Fixtures of the tests of authenticators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import api_key_header, bearer_header, make_api_key


@pytest.fixture(autouse=True)
def _project(settings: Any) -> None:
    """The views of ``views.py``, and what the README tells a project to set."""
    settings.ROOT_URLCONF = "tests.authentication.views"
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    }


@pytest.fixture
def _stock_handler(_project: None, settings: Any) -> None:
    """What Django REST framework does by itself."""
    settings.REST_FRAMEWORK = {}


@pytest.fixture
def get(https_client: Any) -> Any:
    """Call a view with an Authorization header, or with none."""

    def call(path: str, authorization: str | None = None) -> Any:
        headers = {} if authorization is None else {"authorization": authorization}
        return https_client.get(path, headers=headers)

    return call


@pytest.fixture
def show(https_client: Any) -> Any:
    """Show a bearer token to a view."""

    def call(token: str, path: str = "/bearer") -> Any:
        return https_client.get(path, headers=bearer_header(token))

    return call


@pytest.fixture
def exchanged(https_client: Any) -> Any:
    """Exchange an API key for a token."""

    def exchange_key(issued: Any = None, **values: Any) -> str:
        issued = issued or make_api_key(**values)
        answer = https_client.post("/v1/token", headers=api_key_header(issued))
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    return exchange_key
