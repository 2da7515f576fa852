"""The two kinds of credential that a view accepts directly, and their refusals."""

from __future__ import annotations

import base64

from tests.authentication.challenges import read_challenges
from tests.support.factories import api_key_header, basic_header, make_api_key, make_client_app

API_KEY = ("/key", make_api_key, api_key_header)


CLIENT_APP = ("/app", make_client_app, basic_header)


REFUSALS = {
    "/key": {"error": "invalid_client", "error_description": "Invalid API Key"},
    "/app": {"error": "invalid_client", "error_description": "Client authentication failed."},
}


CHALLENGES = {
    "/key": ("ApiKey", {"realm": "token_exchange"}),
    "/app": ("Basic", {"realm": "token_exchange", "charset": "UTF-8"}),
}


def basic(pair):
    raw = pair if isinstance(pair, bytes) else pair.encode()
    return f"Basic {base64.b64encode(raw).decode()}"


def assert_refused(answer, path):
    assert answer.status_code == 401
    assert answer.json() == REFUSALS[path]
    assert answer["Cache-Control"] == "no-store, private, max-age=0"
    assert read_challenges(answer["WWW-Authenticate"]) == [CHALLENGES[path]]
