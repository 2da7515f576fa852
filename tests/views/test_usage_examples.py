"""What a client is told to do works as it was printed."""

from __future__ import annotations

import json
import shlex
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.support.factories import make_api_key, make_client_app
from tests.support.subprocesses import environment, run_python
from token_exchange.models import AccessToken
from token_exchange.views.usage_examples import Client, curl, curl_with_token, python
from token_exchange_core.scopes import REVOCATIONS_SCOPE


def client_of(issued):
    credential = issued.credential
    return Client(
        kind=credential.kind,
        identifier=credential.identifier,
        scopes=credential.scopes,
        audience=credential.audience,
        raw_secret=issued.raw_secret,
    )


def client(**values):
    defaults = {"kind": "api_key", "identifier": "sk_live.x", "scopes": [], "audience": []}
    return Client(**{**defaults, "raw_secret": "SECRET", **values})


class TestAddresses:
    def test_of_the_call_is_the_first_audience_that_is_one(self):
        line = curl_with_token(client(audience=["https://api.test/v2", "https://b.test"]))
        assert line == "curl -H 'Authorization: Bearer ACCESS_TOKEN' https://api.test/v2"

    def test_of_the_call_is_the_services_own_audience(self, token_exchange_settings):
        token_exchange_settings(AUDIENCE="https://api.test")
        assert curl_with_token(client()).endswith(" https://api.test")

    def test_of_the_call_is_the_issuer_where_the_audience_is_a_name(self):
        assert curl_with_token(client(audience=["reports"])).endswith(" https://issuer.test")

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({}, "/v1/token"),
            ({"scopes": [REVOCATIONS_SCOPE]}, "/v1/revocations"),
            ({"kind": "client_app"}, "/auth_token"),
        ],
    )
    def test_of_the_exchange_are_known_where_this_process_does_not_serve_them(
        self, settings, values, path
    ):
        settings.ROOT_URLCONF = "tests.admin.urls_without_wire"
        assert client(**values).endpoint == f"https://issuer.test{path}"


class TestFollower:
    """A key that only reads what has been revoked exchanges nothing."""

    def test_sends_its_key_itself(self):
        line = "curl -H 'Authorization: ApiKey SECRET' https://issuer.test/v1/revocations"
        assert curl(client(scopes=[REVOCATIONS_SCOPE])) == line

    def test_is_no_key_that_may_do_something_else(self):
        assert not client(scopes=["a", REVOCATIONS_SCOPE]).is_follower

    def test_is_no_client_app(self):
        assert not client(kind="client_app", scopes=[REVOCATIONS_SCOPE]).is_follower


def test_a_client_does_not_show_its_secret():
    assert "SECRET" not in repr(client())


@pytest.mark.usefixtures("transactional_db")
class TestLines:
    @pytest.fixture(autouse=True)
    def service(self, live_server, settings, token_exchange_settings):
        """The issuer over http, and in it the API that accepts its tokens."""
        settings.ROOT_URLCONF = "tests.authentication.views"
        audience = f"{live_server.url}/bearer"
        token_exchange_settings(ISSUER=live_server.url, AUDIENCE=audience, REQUIRE_HTTPS=False)

    def run(self, issued):
        finished = run_python("-c", python(client_of(issued)), env=environment(no_proxy="*"))
        assert finished.stderr == ""
        return finished.stdout

    def test_of_an_api_key_get_a_token_and_use_it(self):
        issued = make_api_key(scopes=["a"])
        assert issued.credential.identifier in self.run(issued)
        assert AccessToken.objects.count() == 1

    def test_of_a_client_app_get_a_token_and_use_it(self):
        issued = make_client_app(scopes=["a"])
        assert issued.credential.identifier in self.run(issued)
        assert AccessToken.objects.count() == 1

    def test_of_a_key_that_follows_revocations_read_them(self):
        assert "position" in self.run(make_api_key(scopes=[REVOCATIONS_SCOPE]))

    @pytest.mark.parametrize("scopes", [["a"], [REVOCATIONS_SCOPE]])
    def test_of_curl_are_answered(self, scopes):
        assert self.answer(curl(client_of(make_api_key(scopes=scopes))))

    def test_of_curl_use_the_token(self):
        issued = make_api_key(scopes=["a"])
        token = self.answer(curl(client_of(issued)))["access_token"]
        line = curl_with_token(client_of(issued)).replace("ACCESS_TOKEN", token)
        assert self.answer(line)

    def answer(self, line):
        """Do what curl would, by its arguments."""
        words = shlex.split(line)
        assert words.pop(0) == "curl"
        url = words.pop()
        options = dict(zip(words[::2], words[1::2], strict=True))
        name, value = options["-H"].split(": ", 1)
        request = Request(url, headers={name: value}, method=options.get("-X", "GET"))
        with build_opener(ProxyHandler({})).open(request) as response:
            return json.load(response)
