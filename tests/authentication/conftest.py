"""What every test of an authenticator starts from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    api_key_header,
    make_api_key,
)


@pytest.fixture
def _our_handler(settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    }


@pytest.fixture
def exchanged(https_client: Any) -> Any:
    """Exchange an API key for a token."""

    def exchange_key(issued: Any = None, **values: Any) -> str:
        issued = issued or make_api_key(**values)
        answer = https_client.post("/v1/token", headers=api_key_header(issued))
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    return exchange_key
