"""Credentials sent directly to a view: user, scopes and queries."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.authentication.challenges import read_challenges
from tests.authentication.direct import API_KEY, CHALLENGES, CLIENT_APP, assert_refused, basic
from tests.authentication.views import Keep
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_user,
)
from token_exchange.authentication import Principal
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act

pytestmark = pytest.mark.django_db


class TestGoodCredential:
    @pytest.mark.parametrize(("path", "make", "header"), [API_KEY, CLIENT_APP])
    def test_machine_is_a_principal(self, https_client, path, make, header):
        issued = make(scopes=["read"])
        body = https_client.get(path, headers=header(issued)).json()
        identifier = issued.credential.identifier
        assert body == {
            "user": identifier,
            "type": "Principal",
            "pk": identifier,
            "auth": "AuthenticatedCredential",
        }

    def test_principal_knows_its_organization_and_scopes(self, https_client):
        issued = make_api_key(scopes=["read", "write"])
        https_client.get("/keep", headers=api_key_header(issued))
        assert Keep.last.user == Principal(
            identifier=issued.credential.identifier,
            organization_id=str(issued.credential.organization_id),
            scopes=frozenset({"read", "write"}),
        )
        assert Keep.last.auth.identifier == issued.credential.identifier
        assert issued.raw_secret not in repr(Keep.last.auth)

    def test_key_of_a_user_is_that_user(self, https_client):
        owner = make_user()
        https_client.get("/keep", headers=api_key_header(make_api_key(owner=owner)))
        user = Keep.last.user
        assert type(user) is type(owner)
        assert {**vars(user), "_state": None} == {
            **vars(type(owner).objects.get(pk=owner.pk)),
            "_state": None,
        }
        assert user._state.adding is False

    @pytest.fixture
    def committed(self, django_capture_on_commit_callbacks):
        return lambda: django_capture_on_commit_callbacks(execute=True)

    @pytest.mark.parametrize("kind", ["machine", "user", "client_app"])
    def test_one_select(self, https_client, committed, django_assert_num_queries, kind):
        """The first use in a minute is recorded after the answer; the next ones write nothing."""
        if kind == "client_app":
            headers = basic_header(make_client_app())
        else:
            headers = api_key_header(make_api_key(owner=make_user() if kind == "user" else None))
        with committed():
            https_client.get("/all", headers=headers)
        with committed() as callbacks, django_assert_num_queries(1) as queries:
            assert https_client.get("/all", headers=headers).status_code == 200
        assert queries[0]["sql"].startswith("SELECT")
        assert callbacks == []

    @pytest.mark.parametrize("scheme", ["ApiKey", "apikey", "APIKEY", "aPiKeY", "ApiKey  "])
    def test_scheme_is_compared_without_case(self, get, scheme):
        assert get("/key", f"{scheme} {make_api_key().raw_secret}").status_code == 200

    @pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Basic   "])
    def test_scheme_of_basic_too(self, get, scheme):
        parameter = basic_header(make_client_app())["authorization"].removeprefix("Basic ")
        assert get("/app", f"{scheme} {parameter}").status_code == 200

    def test_form_encoded_pair(self, get):
        """RFC 6749, section 2.3.1: nothing that we issue needs it, but it may come so."""
        issued = make_client_app()
        pair = f"{issued.credential.identifier}:{issued.raw_secret}".replace("_", "%5F")
        assert get("/app", basic(pair)).status_code == 200

    def test_previous_secret_within_the_overlap(self, https_client):
        issued = make_api_key()
        credentials.rotate(
            issued.credential, overlap=timedelta(hours=1), act=Act(now=timezone.now())
        )
        https_client.get("/keep", headers=api_key_header(issued))
        assert Keep.last.auth.used_previous_secret is True

    def test_allowed_networks_let_their_own_in(self):
        issued = make_api_key(allowed_networks=["192.0.2.0/24"])
        client = Client(REMOTE_ADDR="192.0.2.7")
        assert client.get("/key", headers=api_key_header(issued), secure=True).status_code == 200


class TestOtherSchemes:
    @pytest.mark.parametrize("header", [None, "Digest x", "Bearer a.b.c", "Token x", ""])
    @pytest.mark.parametrize("path", ["/key", "/app"])
    def test_are_not_ours(self, https_client, path, header):
        answer = https_client.get(path, headers={"authorization": header} if header else {})
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_request"
        assert read_challenges(answer["WWW-Authenticate"]) == [CHALLENGES[path]]

    def test_key_is_no_client_app_and_the_reverse(self, https_client):
        assert https_client.get("/key", headers=basic_header(make_client_app())).status_code == 401
        assert https_client.get("/app", headers=api_key_header(make_api_key())).status_code == 401

    def test_secret_of_one_kind_under_the_scheme_of_the_other(self, get):
        app, key = make_client_app(), make_api_key()
        assert_refused(get("/key", f"ApiKey {app.raw_secret}"), "/key")
        pair = f"{key.credential.identifier}:{key.raw_secret}"
        assert_refused(get("/app", basic(pair)), "/app")

    def test_credential_is_no_bearer_token(self, https_client):
        answer = https_client.get("/bearer", headers=bearer_header(make_api_key().raw_secret))
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"

    def test_token_is_no_credential(self, https_client, get):
        header = api_key_header(make_api_key())
        token = https_client.post("/v1/token", headers=header).json()["access_token"]
        assert_refused(get("/key", f"ApiKey {token}"), "/key")


class TestMalformed:
    @pytest.mark.parametrize(
        "header", ["ApiKey \xe9", "ApiKey a\x00", "ApiKey a,ApiKey b", f"ApiKey {'a' * 8190}"]
    )
    def test_header(self, get, header):
        for path in ("/key", "/app"):
            answer = get(path, header)
            assert answer.status_code == 400
            assert answer.json()["error"] == "invalid_request"

    @pytest.mark.parametrize(
        "parameter",
        ["", "x", "a b", "sk_live.x", "sk_live.", "sk_test.abc", "'--", "{}", "a" * 8000],
    )
    def test_key(self, get, parameter):
        assert_refused(get("/key", f"ApiKey {parameter}"), "/key")

    @pytest.mark.parametrize(
        "header",
        [
            "Basic",
            "Basic !",
            "Basic YTpi=",
            "Basic a b",
            basic(""),
            basic(":"),
            basic("a"),
            basic("a:"),
            basic(":b"),
            basic("a:b"),
            basic("a\0:b\n"),
            basic(b"\xff\xfe:\xfd"),
            basic("café:geheim".encode("latin-1")),
            basic("café:geheim"),
            basic("%00:%0a"),
            basic("a" * 5000 + ":b"),
        ],
    )
    def test_pair(self, get, header):
        """401 (RFC 6749, section 5.2), and never 500."""
        assert_refused(get("/app", header), "/app")

    @pytest.mark.parametrize("path", ["/key", "/app"])
    def test_plain_http(self, client, path):
        header = (
            api_key_header(make_api_key()) if path == "/key" else basic_header(make_client_app())
        )
        answer = client.get(path, headers=header)
        assert answer.status_code == 400
        assert "use https" in answer.json()["error_description"]


class TestLog:
    def test_refusal_says_why_and_not_what(self, get, caplog):
        issued = make_api_key()
        credentials.revoke(issued.credential, act=Act(now=timezone.now()))
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "token_exchange"):
            get("/key", f"ApiKey {issued.raw_secret}")
        [record] = [each for each in caplog.records if each.name == "token_exchange"]
        assert (record.levelno, record.event) == (logging.WARNING, "credential.refused")
        assert record.event_fields == {
            "reason": "credential_revoked",
            "identifier": issued.credential.identifier,
            "address": "127.0.0.1",
        }
        assert issued.raw_secret[-49:] not in str(record.__dict__)
