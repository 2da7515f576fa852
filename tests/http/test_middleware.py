"""The exchanges under a project's middleware, servers and wrong settings."""

from __future__ import annotations

import json

import pytest

from tests.http.client import assert_refused, stored_rows
from tests.http.conftest import make_caller

pytestmark = pytest.mark.django_db

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def looks_at_forms(get_response):
    """Read the form of every request, as some logging middleware does."""

    def middleware(request):
        request.POST.get("anything")
        return get_response(request)

    return middleware


def swallows_bodies(get_response):
    """Consume the stream of every request."""

    def middleware(request):
        request.read()
        return get_response(request)

    return middleware


@pytest.fixture
def first(settings):
    """Put one of these middlewares before all others."""

    def put(middleware):
        path = f"{__name__}.{middleware.__name__}"
        settings.MIDDLEWARE = [path, *settings.MIDDLEWARE]

    return put


class TestMiddleware:
    @pytest.mark.parametrize(
        "sent",
        [
            {"data": {"scope": "a"}},  # multipart: the stream is gone, the form is there
            {"data": "scope=a", "content_type": FORM},
            {"data": '{"scope": "a"}', "content_type": FORM},
            {"data": '{"scope": "a"}', "content_type": JSON},
        ],
    )
    def test_that_has_looked_at_the_form_takes_nothing_away(self, https_client, first, sent):
        first(looks_at_forms)
        caller = make_caller("/v1/token", scopes=["a", "b"])
        response = https_client.post(caller.path, headers=caller.headers, **sent)
        assert response.json()["scope"] == "a"

    def test_that_has_read_the_body_is_our_fault_and_not_the_clients(
        self, https_client, first, caller, caplog
    ):
        first(swallows_bodies)
        before = stored_rows()
        response = https_client.post(
            caller.path, '{"scope": "a"}', content_type=JSON, headers=caller.headers
        )
        assert_refused(response, 500, "server_error")
        assert stored_rows() == before
        assert "RawPostDataException" in caplog.text


class TestServer:
    def test_a_body_without_its_length_is_refused_and_not_lost(self, https_client, caller):
        headers = {**caller.headers, "transfer-encoding": "chunked"}
        response = https_client.generic("POST", caller.path, b"", JSON, headers=headers)
        description = assert_refused(response, 400, "invalid_request")
        assert "Content-Length" in description

    def test_a_body_that_was_unchunked_on_the_way_is_read(self, https_client, caller):
        headers = {**caller.headers, "transfer-encoding": "chunked"}
        response = https_client.post(caller.path, "{}", content_type=JSON, headers=headers)
        assert response.status_code == 200


class TestWrongSettings:
    @pytest.mark.parametrize("wrong", [{"NUM_PROXIES": "x"}, {"NO_SUCH_KEY": 1}, {"ISSUER": ""}])
    def test_are_a_server_error_in_the_one_shape(
        self, https_client, caller, token_exchange_settings, caplog, wrong
    ):
        token_exchange_settings(**wrong)
        response = https_client.post(caller.path, headers=caller.headers)
        assert_refused(response, 500, "server_error")
        assert next(iter(wrong)) in caplog.text
        assert next(iter(wrong)) not in json.dumps(response.json())
