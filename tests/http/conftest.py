"""Fixtures of the HTTP tests: a credential with its header for each endpoint."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.http.client import post_json
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange_core.scopes import REVOCATIONS_SCOPE


class Caller(NamedTuple):
    """A client with a credential."""

    path: str
    issued: IssuedSecret
    headers: dict[str, str]


@pytest.fixture(params=["/v1/token", "/auth_token"])
def caller(request: Any, db: None) -> Caller:
    """A caller of each endpoint."""
    return make_caller(request.param)


@pytest.fixture
def exchange(https_client):
    """Return ``exchange(key, scope="a")``, which posts its keyword arguments, if any, as JSON."""

    def post(key, **members):
        if members:
            return post_json(https_client, "/v1/token", members, api_key_header(key))
        return https_client.post("/v1/token", headers=api_key_header(key))

    return post


@pytest.fixture
def feed_key(db):
    """A key that may read the revocation feed."""
    return make_api_key(scopes=["other", REVOCATIONS_SCOPE])


@pytest.fixture
def get_feed(https_client, feed_key):
    """Return ``get_feed(epoch="x", after=1)``; its argument adds headers."""

    def get(headers=None, **parameters):
        headers = {**api_key_header(feed_key), **(headers or {})}
        return https_client.get("/v1/revocations", parameters, headers=headers)

    return get


def make_caller(path: str, **values: Any) -> Caller:
    make = make_api_key if path == "/v1/token" else make_client_app
    issued = make(**values)
    return Caller(path, issued, make_header(path, issued))


def make_header(path: str, issued: IssuedSecret) -> dict[str, str]:
    return (api_key_header if path == "/v1/token" else basic_header)(issued)
