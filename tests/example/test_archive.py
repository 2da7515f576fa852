"""The second service under its own settings, in a process without our tables."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from tests.example.processes import run, talking
from tests.support.factories import api_key_header, make_api_key, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.processes

SETTINGS = "archive.settings"
KEY = "TOKEN_EXCHANGE_REVOCATIONS_API_KEY"

VISIT = """
import json, sys, django
django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"})
for line in sys.stdin:
    headers = json.loads(line)
    answer = client.get("/api/archive", secure=True, headers=headers)
    challenge = answer.headers.get("WWW-Authenticate", "")
    print(json.dumps([answer.status_code, challenge, answer.json()]), flush=True)
"""
LOADED = """
import sys
from archive.wsgi import application
from django.apps import apps
from django.db import connections
import archive.urls
print(list(apps.get_app_configs()), list(connections), list(apps.get_models()))
ours = ("token_exchange.models", "token_exchange.urls", "token_exchange.issuer", "celery")
print([name for name in ours if name in sys.modules])
"""


@pytest.fixture
def issuer(live_server, token_exchange_settings):
    """The first service, at a URL that the second one can reach."""
    token_exchange_settings(ISSUER=live_server.url, REQUIRE_HTTPS=False)
    return live_server


@pytest.fixture
def visit(issuer):
    """Visit the second service, which reads the feed each time; return status, challenge, body."""
    key = make_api_key(scopes=[REVOCATIONS_SCOPE])
    variables = {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "TOKEN_EXCHANGE_ISSUER": issuer.url,
        "TOKEN_EXCHANGE_REVOCATION_MAX_AGE": "0",
        KEY: key.raw_secret,
    }
    with talking("-c", VISIT, **variables) as ask:
        yield lambda **headers: json.loads(ask(json.dumps(headers)))


@pytest.fixture
def bearer(https_client):
    """Exchange a key for a token; return its header."""

    def bearer(issued):
        answer = https_client.post("/v1/token", headers=api_key_header(issued))
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    return bearer


class TestVisits:
    def test_with_a_token_of_the_issuer(self, visit, bearer):
        key = make_api_key(scopes=["reports:read"])
        assert visit(**bearer(key)) == [
            200,
            "",
            {
                "client_id": key.credential.identifier,
                "organization": str(key.credential.organization_id),
                "years": [2023, 2024, 2025],
            },
        ]

    def test_end_with_the_credential_and_not_with_another(self, visit, bearer):
        keys = [make_api_key(scopes=["reports:read"]) for _ in range(2)]
        first, second = map(bearer, keys)
        assert [visit(**each)[0] for each in (first, second)] == [200, 200]
        credentials.revoke(keys[0].credential, act=Act(now=timezone.now()))
        status, challenge, body = visit(**first)
        assert (status, body["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in challenge
        assert visit(**second)[0] == 200

    @pytest.mark.parametrize("what", ["organization", "owner"])
    def test_pause_while_somebody_is_inactive(self, visit, bearer, what):
        key = make_api_key(scopes=["reports:read"], owner=make_user())
        headers, somebody = bearer(key), getattr(key.credential, what)
        statuses = []
        for is_active in (True, False, True):
            somebody.is_active = is_active
            somebody.save()
            statuses.append(visit(**headers)[0])
        assert statuses == [200, 401, 200]

    def test_need_the_scope(self, visit, bearer):
        status, challenge, body = visit(**bearer(make_api_key(scopes=["reports:write"])))
        assert (status, body["error"]) == (403, "insufficient_scope")
        assert 'scope="reports:read"' in challenge

    def test_need_a_token(self, visit):
        status, challenge, body = visit()
        assert (status, challenge) == (401, 'Bearer realm="token_exchange"')
        assert body["error"] == "invalid_request"

    def test_need_one_for_this_audience(self, visit, bearer):
        key = make_api_key(scopes=["reports:read"], audience=["https://elsewhere.example.com"])
        assert visit(**bearer(key))[0] == 401

    def test_are_refused_where_its_own_key_is_not_good(self, issuer, bearer):
        """A token that cannot be checked is refused with 503."""
        variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "TOKEN_EXCHANGE_ISSUER": issuer.url,
            KEY: make_api_key().raw_secret,
        }
        headers = bearer(make_api_key(scopes=["reports:read"]))
        with talking("-c", VISIT, **variables) as ask:
            status, _, body = json.loads(ask(json.dumps(headers)))
        assert (status, body["error"]) == (503, "temporarily_unavailable")


class TestSettings:
    def test_there_is_nothing_but_the_view(self):
        done = run("-c", LOADED, DJANGO_SETTINGS_MODULE=SETTINGS, **{KEY: "x"})
        assert done.stdout == "[] ['default'] []\n[]\n", done.stderr

    def test_are_sound(self):
        done = run("manage.py", "check", DJANGO_SETTINGS_MODULE=SETTINGS, **{KEY: "x"})
        assert done.returncode == 0, done.stderr

    def test_without_a_key_it_does_not_start(self):
        done = run("-c", "import archive.wsgi", DJANGO_SETTINGS_MODULE=SETTINGS)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith(
            f"Set {KEY} to an API key of the issuer with the scope token_exchange:revocations."
        )

    def test_come_from_the_environment(self):
        names = ("ISSUER", "AUDIENCE", "REVOCATION_MAX_AGE", "REVOCATION_MAX_STALENESS")
        show = f"from archive.settings import TOKEN_EXCHANGE as t; print([t[n] for n in {names}])"
        done = run("-c", show, **{KEY: "x"})
        assert done.stdout == "['http://127.0.0.1:8000', None, 1, 60]\n"
        urls = ["https://api.example.com", "https://archive.example.com"]
        variables = {
            "TOKEN_EXCHANGE_ISSUER": urls[0],
            "TOKEN_EXCHANGE_AUDIENCE": urls[1],
            "TOKEN_EXCHANGE_REVOCATION_MAX_AGE": "5",
            "TOKEN_EXCHANGE_REVOCATION_MAX_STALENESS": "0",
        }
        done = run("-c", show, **{KEY: "x"}, **variables)
        assert done.stdout == f"{[*urls, 5, 0]}\n"
