"""The view that shows the claims of a token."""

import base64
from datetime import UTC, datetime

import pytest
import time_machine

from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2035, 3, 1, 12, tzinfo=UTC)
CHALLENGE = 'Bearer realm="token_exchange"'
INVALID = {
    "error": "invalid_token",
    "error_description": "The access token provided is invalid.",
}


class TestWhoAmI:
    @time_machine.travel(NOW, tick=False)
    def test_machine_token(self, caller):
        key = make_api_key(scopes=["reports:write", "reports:read"])
        answer = caller(key).get("/api/whoami")
        assert answer.status_code == 200
        assert answer.json() == {
            "subject": key.credential.identifier,
            "client_id": key.credential.identifier,
            "organization": str(key.credential.organization_id),
            "scopes": ["reports:read", "reports:write"],
            "user": None,
            "expires_at": "2035-03-01T12:30:00Z",
        }

    @time_machine.travel(NOW, tick=False)
    def test_user_token(self, caller):
        user = make_user(username="owner")
        key = make_api_key(owner=user)
        answer = caller(key).get("/api/whoami")
        assert answer.json() == {
            "subject": f"user:{user.pk}",
            "client_id": key.credential.identifier,
            "organization": str(key.credential.organization_id),
            "scopes": [],
            "user": "owner",
            "expires_at": "2035-03-01T12:30:00Z",
        }

    @time_machine.travel(NOW, tick=False)
    def test_auth_token_encoded_once_more(self, https_client):
        app = make_client_app()
        issued = https_client.post("/auth_token", headers=basic_header(app)).json()
        encoded = base64.b64encode(issued["access_token"]["token"].encode()).decode()
        answer = https_client.get("/api/whoami", headers=bearer_header(encoded))
        assert answer.json()["client_id"] == app.credential.identifier
        assert answer.json()["expires_at"] == "2035-03-01T20:00:00Z"


class TestRefusals:
    def test_no_token(self, https_client):
        answer = https_client.get("/api/whoami")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == CHALLENGE
        assert answer.json() == {
            "error": "invalid_request",
            "error_description": "Authentication credentials were not provided.",
        }

    def test_forged_token(self, https_client):
        answer = https_client.get("/api/whoami", headers=bearer_header("e30.e30.e30"))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == (
            f'{CHALLENGE}, error="invalid_token", '
            'error_description="The access token provided is invalid."'
        )
        assert answer.json() == INVALID

    def test_an_api_key_is_not_a_token(self, https_client):
        answer = https_client.get("/api/whoami", headers=api_key_header(make_api_key()))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == CHALLENGE

    def test_expired_token(self, caller):
        with time_machine.travel(NOW, tick=False):
            late = caller(make_api_key())
        with time_machine.travel(NOW.replace(minute=30), tick=False):
            answer = late.get("/api/whoami")
        assert answer.status_code == 401
        assert answer.json() == {
            "error": "invalid_token",
            "error_description": "The auth token provided has expired.",
        }

    def test_plain_http(self, client):
        answer = client.get("/api/whoami", headers=bearer_header("e30.e30.e30"))
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
