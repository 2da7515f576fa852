"""Methods, HTTPS and mounting of the endpoints."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client
from django.urls import include, path

from tests.http.client import assert_refused, stored_rows
from tests.http.conftest import make_caller
from token_exchange import views

METHODS = {"/v1/token": "POST", "/auth_token": "POST, DELETE"}
JWKS = "/.well-known/jwks.json"

urlpatterns = [
    path("0.2/auth_token", views.auth_token),
    path("keys/token", views.token),
    path("sso/", include("token_exchange.urls")),
]


@pytest.mark.django_db
class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
    def test_others_are_refused_with_the_allowed_ones(self, https_client, caller, method):
        before = stored_rows()
        response = https_client.generic(method, caller.path, headers=caller.headers)
        assert_refused(response, 405, "invalid_request")
        assert response["Allow"] == METHODS[caller.path]
        assert stored_rows() == before

    def test_head_is_refused_without_a_body(self, https_client, caller):
        response = https_client.head(caller.path, headers=caller.headers)
        assert response.status_code == 405
        assert response["Allow"] == METHODS[caller.path]
        assert response.content == b""

    def test_delete_is_not_for_access_tokens(self, https_client):
        response = https_client.delete("/v1/token")
        assert_refused(response, 405, "invalid_request")
        assert response["Allow"] == "POST"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_the_published_keys_are_only_read(self, https_client, method):
        response = https_client.generic(method, JWKS)
        assert_refused(response, 405, "invalid_request")
        assert response["Allow"] == "GET, HEAD"

    def test_no_csrf_token_is_asked_for(self, caller):
        client = Client(enforce_csrf_checks=True)
        response = client.post(caller.path, secure=True, headers=caller.headers)
        assert response.status_code == 200


@pytest.mark.django_db
class TestHttps:
    @pytest.mark.parametrize("path", ["/v1/token", "/auth_token", JWKS])
    def test_plain_http_is_refused_by_the_name_of_the_settings(self, client, path):
        response = client.get(path) if path == JWKS else client.post(path)
        description = assert_refused(response, 400, "invalid_request")
        assert "https" in description
        assert "SECURE_PROXY_SSL_HEADER" in description
        assert "TOKEN_EXCHANGE['REQUIRE_HTTPS']" in description

    def test_a_good_credential_over_plain_http_gets_nothing(self, client, caller):
        before = stored_rows()
        response = client.post(caller.path, headers=caller.headers)
        assert_refused(response, 400, "invalid_request")
        assert stored_rows() == before

    def test_plain_http_is_allowed_by_the_setting(self, client, caller, token_exchange_settings):
        token_exchange_settings(REQUIRE_HTTPS=False)
        assert client.post(caller.path, headers=caller.headers).status_code == 200

    def test_debug_allows_it_unless_the_setting_forbids(
        self, client, caller, settings, token_exchange_settings
    ):
        settings.DEBUG = True
        assert client.post(caller.path, headers=caller.headers).status_code == 200
        token_exchange_settings(REQUIRE_HTTPS=True)
        assert client.post(caller.path, headers=caller.headers).status_code == 400

    def test_the_proxys_word_counts_only_where_the_setting_trusts_it(
        self, client, caller, settings
    ):
        headers = {**caller.headers, "x-forwarded-proto": "https"}
        assert client.post(caller.path, headers=headers).status_code == 400
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert client.post(caller.path, headers=headers).status_code == 200
        headers["x-forwarded-proto"] = "http"
        assert client.post(caller.path, headers=headers).status_code == 400


@pytest.mark.django_db
@pytest.mark.urls("tests.http.test_wire")
class TestMounting:
    @pytest.mark.parametrize("prefixes", [("/keys/token", "/0.2"), ("/sso/v1/token", "/sso")])
    def test_each_view_works_alone_and_under_a_prefix(self, https_client, caller, prefixes):
        token_path, prefix = prefixes
        mounted = token_path if caller.path == "/v1/token" else prefix + caller.path
        assert https_client.post(mounted, headers=caller.headers).status_code == 200
        assert https_client.post(caller.path, headers=caller.headers).status_code == 404

    def test_delete_works_under_a_prefix(self, https_client):
        headers = make_caller("/auth_token").headers
        response = https_client.delete("/0.2/auth_token", headers=headers)
        assert json.loads(response.content) == {"success": True}


@pytest.mark.django_db(transaction=True)
class TestAtomicRequests:
    def test_no_exchange_runs_in_the_requests_transaction(self, https_client, caller, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        in_transaction = []

        def look(execute, *args):
            in_transaction.append(connection.in_atomic_block)
            return execute(*args)

        with connection.execute_wrapper(look):
            first = https_client.post(caller.path, headers=caller.headers)
            steady = https_client.post(caller.path, headers=caller.headers)
        assert (first.status_code, steady.status_code) == (200, 200)
        assert not in_transaction[0]
        assert not in_transaction[-1]

    def test_the_use_is_recorded_all_the_same(self, https_client, caller, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        https_client.post(caller.path, headers=caller.headers)
        caller.issued.credential.refresh_from_db()
        assert caller.issued.credential.last_used_at is not None
