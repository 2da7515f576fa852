"""The usage examples: their URLs, and that they work as printed."""

from __future__ import annotations

import json
import shlex
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.support.factories import make_api_key, make_client_app
from tests.support.subprocesses import environment, run_python
from token_exchange.models import AccessToken, Credential
from token_exchange.views.usage_examples import (
    curl,
    curl_with_token,
    endpoint_url,
    only_reads_revocations,
    placeholder,
    python,
)
from token_exchange_core.scopes import REVOCATIONS_SCOPE


def credential(**values):
    defaults = {"kind": "api_key", "identifier": "sk_live.x", "scopes": [], "audience": []}
    return Credential(**{**defaults, **values})


class TestUrls:
    def test_api_is_the_first_audience(self):
        line = curl_with_token(credential(audience=["https://api.test/v2", "https://b.test"]))
        assert line == "curl -H 'Authorization: Bearer ACCESS_TOKEN' https://api.test/v2"

    def test_api_is_the_services_own_audience_by_default(self, token_exchange_settings):
        token_exchange_settings(AUDIENCE="https://api.test")
        assert curl_with_token(credential()).endswith(" https://api.test")

    def test_api_is_the_issuer_if_the_audience_is_not_a_url(self):
        assert curl_with_token(credential(audience=["reports"])).endswith(" https://issuer.test")

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({}, "/v1/token"),
            ({"scopes": [REVOCATIONS_SCOPE]}, "/v1/revocations"),
            ({"kind": "client_app"}, "/auth_token"),
        ],
    )
    def test_endpoint_is_known_where_this_process_does_not_serve_it(self, settings, values, path):
        settings.ROOT_URLCONF = "tests.admin.urls_without_wire"
        assert endpoint_url(credential(**values)) == f"https://issuer.test{path}"


class TestKeyThatOnlyReadsRevocations:
    def test_key_is_sent_without_an_exchange(self):
        line = "curl -H 'Authorization: ApiKey SECRET' https://issuer.test/v1/revocations"
        assert curl(credential(scopes=[REVOCATIONS_SCOPE]), "SECRET") == line

    def test_key_with_another_scope_does_not_count(self):
        assert not only_reads_revocations(credential(scopes=["a", REVOCATIONS_SCOPE]))

    def test_client_app_does_not_count(self):
        assert not only_reads_revocations(credential(kind="client_app", scopes=[REVOCATIONS_SCOPE]))


@pytest.mark.parametrize(
    ("kind", "authorization"),
    [("api_key", "'Authorization: ApiKey API_KEY'"), ("client_app", "'sk_live.x:CLIENT_SECRET'")],
)
def test_a_placeholder_replaces_a_secret_that_is_not_known(kind, authorization):
    row = credential(kind=kind)
    assert authorization in curl(row, placeholder(row))


@pytest.mark.usefixtures("transactional_db")
class TestExamplesWork:
    @pytest.fixture(autouse=True)
    def service(self, live_server, settings, token_exchange_settings):
        """Serve the issuer and an API that accepts its tokens, over HTTP."""
        settings.ROOT_URLCONF = "tests.authentication.views"
        audience = f"{live_server.url}/bearer"
        token_exchange_settings(ISSUER=live_server.url, AUDIENCE=audience, REQUIRE_HTTPS=False)

    def run(self, issued):
        finished = run_python(
            "-c", python(issued.credential, issued.raw_secret), env=environment(no_proxy="*")
        )
        assert finished.stderr == ""
        return finished.stdout

    def test_program_of_an_api_key_gets_a_token_and_uses_it(self):
        issued = make_api_key(scopes=["a"])
        assert issued.credential.identifier in self.run(issued)
        assert AccessToken.objects.count() == 1

    def test_program_of_a_client_app_gets_a_token_and_uses_it(self):
        issued = make_client_app(scopes=["a"])
        assert issued.credential.identifier in self.run(issued)
        assert AccessToken.objects.count() == 1

    def test_program_of_a_key_for_revocations_reads_them(self):
        assert "position" in self.run(make_api_key(scopes=[REVOCATIONS_SCOPE]))

    @pytest.mark.parametrize("scopes", [["a"], [REVOCATIONS_SCOPE]])
    def test_curl_command_is_answered(self, scopes):
        issued = make_api_key(scopes=scopes)
        assert self.answer(curl(issued.credential, issued.raw_secret))

    def test_curl_command_uses_the_token(self):
        issued = make_api_key(scopes=["a"])
        token = self.answer(curl(issued.credential, issued.raw_secret))["access_token"]
        line = curl_with_token(issued.credential).replace("ACCESS_TOKEN", token)
        assert self.answer(line)

    def answer(self, line):
        """Send the request that curl would send for these arguments."""
        words = shlex.split(line)
        assert words.pop(0) == "curl"
        url = words.pop()
        options = dict(zip(words[::2], words[1::2], strict=True))
        name, value = options["-H"].split(": ", 1)
        request = Request(url, headers={name: value}, method=options.get("-X", "GET"))
        with build_opener(ProxyHandler({})).open(request) as response:
            return json.load(response)
