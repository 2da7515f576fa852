"""Search in the change lists, and its refusal of secrets."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.clients import make_token
from tests.support.admin_urls import admin_url
from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer.tokens import TokenRequest, issue
from token_exchange_core.secret_strings import (
    contains_secret,
    make_client_id,
    make_identifier,
    random_text,
)

pytestmark = pytest.mark.django_db

KEYS = admin_url("apikey", "changelist")
APPS = admin_url("clientapp", "changelist")
TOKENS = admin_url("accesstoken", "changelist")
TENANTS = admin_url("organization", "changelist")


def found(operator, url, term):
    return sorted(each.name for each in operator.get(url, {"q": term}).context["cl"].result_list)


class TestCredentials:
    @pytest.mark.parametrize(
        ("term", "names"),
        [
            ("Nightly", ["NIGHTLY job", "Nightly report"]),
            ("nIGHTLY r", ["Nightly report"]),
            ("  nightly report ", ["Nightly report"]),
            ("report", []),
            ("100%", ["100% of it"]),
            ("1%", []),
            ("night_y", []),
            ("under_score", ["under_score"]),
            ("back\\slash", ["back\\slash"]),
            ("", ["100% of it", "NIGHTLY job", "Nightly report", "back\\slash", "under_score"]),
        ],
    )
    def test_are_found_by_the_beginning_of_the_name_in_any_case(self, operator, term, names):
        for name in ("Nightly report", "NIGHTLY job", "100% of it", "under_score", "back\\slash"):
            make_api_key(name=name)
        assert found(operator, KEYS, term) == names

    def test_are_found_as_typed_where_the_database_knows_no_case(self, operator):
        make_api_key(name="Ärger")
        assert found(operator, KEYS, "Ärg") == ["Ärger"]

    def test_are_found_by_the_whole_identifier(self, operator):
        key, app = make_api_key(name="key").credential, make_client_app(name="app").credential
        make_api_key()
        assert found(operator, KEYS, key.identifier) == ["key"]
        assert found(operator, KEYS, key.identifier[:-1]) == []
        assert found(operator, APPS, app.identifier) == ["app"]
        assert found(operator, KEYS, app.identifier) == []

    def test_are_found_by_the_owner(self, operator):
        make_api_key(name="hers", owner=make_user(username="anna"))
        make_api_key(name="annabel")
        make_api_key(name="another", owner=make_user(username="bob"))
        assert found(operator, KEYS, "anna") == ["annabel", "hers"]
        assert found(operator, KEYS, "bob") == ["another"]
        assert found(operator, KEYS, "an") == ["annabel", "another"]

    def test_are_sorted_by_name_in_any_case(self, operator):
        for name in ("b", "A", "C"):
            make_api_key(name=name)
        names = [each.name for each in operator.get(f"{KEYS}?o=1").context["cl"].result_list]
        assert names == ["A", "b", "C"]


class TestAccessTokens:
    def test_are_found_by_jti_and_by_the_identifier_of_the_credential(self, operator):
        token, _other = make_token(), make_token()
        for term in (token.jti, token.credential.identifier):
            assert list(operator.get(TOKENS, {"q": term}).context["cl"].result_list) == [token]
        assert not operator.get(TOKENS, {"q": token.jti[:-1]}).context["cl"].result_list


class TestOrganizations:
    def test_are_found_by_slug_and_by_the_beginning_of_the_name(self, operator):
        for name, slug in (("Acme Ltd", "acme"), ("The Acme", "the-acme"), ("Beta", "acme-beta")):
            make_organization(name=name, slug=slug)
        assert found(operator, TENANTS, "acme") == ["Acme Ltd"]
        assert found(operator, TENANTS, "the-acme") == ["The Acme"]
        assert found(operator, TENANTS, "beta") == ["Beta"]

    def test_that_no_database_can_hold_are_not_there(self, operator):
        url = "/admin/autocomplete/?app_label=token_exchange&model_name=apikey"
        answer = operator.get(f"{url}&field_name=organization&term=%00")
        assert answer.json()["results"] == []

    def test_are_offered_in_the_order_of_their_names(self, operator):
        for name in ("acme 2", "Acme 1", "beta"):
            make_organization(name=name)
        url = "/admin/autocomplete/?app_label=token_exchange&model_name=apikey"
        answer = operator.get(f"{url}&field_name=organization&term=ACME").json()
        assert [each["text"] for each in answer["results"]] == ["Acme 1", "acme 2"]


class TestSecrets:
    @pytest.mark.parametrize("url", [KEYS, APPS, TOKENS, TENANTS])
    def test_are_neither_looked_up_nor_repeated(self, operator, url):
        raw_secret = make_api_key().raw_secret
        with CaptureQueriesContext(connection) as queries:
            response = operator.get(url, {"q": f"ApiKey {raw_secret}"})
        assert (response.status_code, response.url) == (302, f"{url}?e=1")
        assert all(raw_secret[-40:] not in query["sql"] for query in queries)
        (message,) = get_messages(response.wsgi_request)
        assert "rotate the key" in str(message)
        text = operator.get(response.url).text
        assert "rotate the key" in text
        assert raw_secret[-40:] not in response.text + text + str(response.cookies)

    def test_find_nothing_where_a_field_is_completed(self, operator):
        make_organization(name="sk_test")
        url = "/admin/autocomplete/?app_label=token_exchange&model_name=apikey"
        raw_secret = make_api_key().raw_secret
        with CaptureQueriesContext(connection) as queries:
            answer = operator.get(f"{url}&field_name=organization&term={raw_secret}")
        assert answer.json()["results"] == []
        assert all(raw_secret[-40:] not in query["sql"] for query in queries)

    def test_are_known_by_their_shape(self):
        issued, app = make_api_key(), make_client_app()
        secrets = (issued.raw_secret, issued.raw_secret[:-3], app.raw_secret, random_text(49))
        for each in secrets:
            assert contains_secret(each)
            assert contains_secret(f' "{each}"')
        public = (issued.credential.identifier, app.credential.identifier)
        public += (make_client_id("x_y"), make_identifier("x_y"), random_text(22), "a.b.c", "v1.2")
        for each in (*public, f"{issued.credential.identifier}.", "Nightly report of 2026.11.22"):
            assert not contains_secret(each)

    def test_are_tokens_as_well(self):
        issued, now = make_api_key(), timezone.now()
        row = authenticate_api_key(issued.raw_secret, address="", now=now)
        assert contains_secret(issue(row, TokenRequest(), now=now).token)
