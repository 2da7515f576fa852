"""Request bodies that the server or a middleware has already read or changed."""

from __future__ import annotations

import pytest

from tests.http.bodies import BOUNDARY, FORM, JSON, multipart, send
from tests.http.client import assert_refused, stored_rows
from tests.http.conftest import make_caller

pytestmark = pytest.mark.django_db


class TestUnreadable:
    def test_a_broken_connection_is_refused(self, https_client, caller):
        class Broken:
            def read(self, *_):
                raise OSError("connection reset")

            readline = read

        response = https_client.generic(
            "POST",
            caller.path,
            b"{}",
            JSON,
            headers=caller.headers,
            **{"wsgi.input": Broken()},
        )
        assert_refused(response, 400, "invalid_request")


class TestBodyReadByMiddleware:
    """A middleware may have read the body as a form, or consumed it."""

    @pytest.fixture
    def caller(self, db):
        return make_caller("/v1/token", scopes=["a", "b"])

    @pytest.fixture(autouse=True)
    def _middleware(self, settings):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.http.test_body_on_its_way.read_first"]

    @pytest.mark.parametrize(
        ("body", "content_type"), [("scope=a", FORM), (multipart("scope", "a"), BOUNDARY)]
    )
    def test_as_a_form(self, https_client, caller, body, content_type):
        response = send(https_client, caller, body, content_type)
        assert response.json()["scope"] == "a"

    def test_and_lost_is_an_error(self, https_client, caller):
        """The requested scope is unknown, so no token is issued."""
        before = stored_rows()
        response = send(https_client, caller, '{"scope": "a"}', "application/x-consumed")
        assert_refused(response, 500, "server_error")
        assert stored_rows() == before


def read_first(get_response):
    def middleware(request):
        if request.content_type == "application/x-consumed":
            request.read()
        else:
            request.POST.get("csrfmiddlewaretoken")
        return get_response(request)

    return middleware


class TestBodyWithoutLength:
    def test_is_refused_beside_a_length_of_nothing(self, https_client, caller):
        chunked = {"CONTENT_LENGTH": "0", "HTTP_TRANSFER_ENCODING": "chunked"}
        response = https_client.post(caller.path, headers=caller.headers, **chunked)
        assert_refused(response, 400, "invalid_request")

    def test_is_refused_where_the_server_hides_it(self, https_client):
        """WSGI cannot read a chunked body, so a request for less could be given more."""
        caller = make_caller("/v1/token", scopes=["a", "b"])
        before = stored_rows()
        headers = {**caller.headers, "transfer-encoding": "chunked"}
        response = https_client.generic("POST", caller.path, "", JSON, headers=headers)
        assert "Content-Length" in assert_refused(response, 400, "invalid_request")
        assert stored_rows() == before

    def test_is_read_where_the_server_passes_it_on(self, https_client):
        caller = make_caller("/v1/token", scopes=["a", "b"])
        response = https_client.post(
            caller.path,
            '{"scope": "a"}',
            headers={**caller.headers, "transfer-encoding": "chunked"},
            content_type=JSON,
        )
        assert response.json()["scope"] == "a"
