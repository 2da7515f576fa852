"""Keys and client secrets sent by a web page."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.urls import include, path

from tests.authentication.views import ApiKeyAuthentication, ClientAppBasicAuthentication, view
from tests.http.client import wire
from tests.http.test_refusals import unknown
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
)
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer import credentials
from token_exchange.models import HourlyCount
from token_exchange.observability import exchange_counts
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

urlpatterns = [
    path("", include("token_exchange.urls")),
    path("key", view(ApiKeyAuthentication)),
    path("app", view(ClientAppBasicAuthentication)),
    path("bearer", view(BearerAuthentication)),
]

DOORS = {
    "token": ("post", "/v1/token", make_api_key, api_key_header),
    "auth_token": ("post", "/auth_token", make_client_app, basic_header),
    "auth_token, delete": ("delete", "/auth_token", make_client_app, basic_header),
    "revocations": ("get", "/v1/revocations", make_api_key, api_key_header),
    "key": ("get", "/key", make_api_key, api_key_header),
    "app": ("get", "/app", make_client_app, basic_header),
}
FROM_A_PAGE = [
    {"origin": "https://app.test"},
    {"origin": "null"},
    {"origin": "https://issuer.test"},
    {"origin": "https://testserver.test", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "none"},
]
FROM_A_PROGRAM = [
    {},
    {"sec-fetch-mode": "cors"},  # Node's fetch
    {"origin": ""},
    {"referer": "https://app.test/"},
    {"user-agent": "Mozilla/5.0"},
]


class Door:
    """One way to send a key."""

    def __init__(self, name: str, client: Any) -> None:
        self.method, self.path, make, self.header = DOORS[name]
        self.client = client
        self.issued = make(scopes=[REVOCATIONS_SCOPE])

    def send(self, headers: dict[str, str], **extra: Any) -> Any:
        credential = self.header(self.issued)
        return getattr(self.client, self.method)(
            self.path, headers={**credential, **headers}, **extra
        )


@pytest.fixture(autouse=True)
def _project(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.http.test_browsers"
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler"}


@pytest.fixture(params=DOORS)
def door(request: Any, https_client: Any) -> Door:
    return Door(request.param, https_client)


@pytest.fixture
def reasons(caplog: Any) -> Any:
    return lambda: [
        (each.event_fields["reason"], each.event_fields["identifier"])
        for each in caplog.records
        if each.name == "token_exchange" and each.levelno == logging.WARNING
    ]


@pytest.mark.parametrize("headers", FROM_A_PAGE)
def test_page_is_refused_and_the_owners_log_has_the_reason(door, headers, reasons):
    assert door.send(headers).status_code == 401
    assert reasons() == [("sent_by_browser", door.issued.credential.identifier)]


@pytest.mark.parametrize("headers", FROM_A_PROGRAM)
def test_program_is_not_refused(door, headers):
    assert door.send(headers).status_code == 200


@pytest.mark.parametrize("path", ["/v1/token", "/auth_token"])
def test_answer_is_that_of_an_unknown_key(https_client, path):
    door = Door(path.rpartition("/")[2], https_client)
    caller = unknown(path)
    refused = door.send({"origin": "https://app.test"})
    assert wire(refused) == wire(https_client.post(path, headers=caller.headers))


def test_revoked_key_of_a_page_is_a_revoked_key(https_client, reasons):
    door = Door("token", https_client)
    credentials.revoke(door.issued.credential)
    door.send({"origin": "https://app.test"})
    assert reasons()[-1][0] == "credential_revoked"


def test_refused_use_is_not_recorded(https_client):
    door = Door("token", https_client)
    door.send({"origin": "https://app.test"})
    door.issued.credential.refresh_from_db()
    assert door.issued.credential.last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_dashboard_counts_the_reason(https_client):
    Door("token", https_client).send({"origin": "https://app.test"})
    exchange_counts.flush()
    assert HourlyCount.objects.filter(outcome="sent_by_browser").exists()


def test_bearer_token_may_be_sent_by_any_page(https_client):
    key = make_api_key()
    token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
    headers = {**bearer_header(token), "origin": "https://app.test"}
    assert https_client.get("/bearer", headers=headers).status_code == 200


class TestAllowedOrigins:
    @pytest.fixture(autouse=True)
    def _allowed(self, token_exchange_settings):
        token_exchange_settings(ALLOWED_ORIGINS=["https://app.test", "https://testserver"])

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://app.test"},
            {"origin": "https://app.test", "sec-fetch-site": "cross-site"},
            {"origin": "https://testserver", "sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "same-origin"},  # a GET of a page of this service
        ],
    )
    def test_may(self, door, headers):
        assert door.send(headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://other.test"},
            {"origin": "https://app.test.evil.test"},
            {"origin": "http://app.test"},
            {"origin": "https://app.test:444"},
            {"origin": "null"},
            {"origin": "https://app.test, https://other.test"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "none"},
        ],
    )
    def test_others_may_not(self, door, headers, reasons):
        assert door.send(headers).status_code == 401
        assert reasons() == [("sent_by_browser", door.issued.credential.identifier)]

    def test_another_host_of_this_service_may_not(self, door):
        answer = door.send({"sec-fetch-site": "same-origin"}, HTTP_HOST="other.test")
        assert answer.status_code == 401

    def test_host_that_is_not_allowed_is_refused_and_no_error(self, door, settings):
        settings.ALLOWED_HOSTS = ["issuer.test"]
        settings.MIDDLEWARE = []
        assert door.send({"sec-fetch-site": "same-origin"}).status_code == 401
