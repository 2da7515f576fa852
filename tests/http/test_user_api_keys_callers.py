"""Callers of ``/v1/user-api-keys``: tokens, sessions and everyone else."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from tests.http.client import assert_refused
from tests.self_service.members import KEYS, make_member
from tests.support.clients import HttpsClient
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
    make_organization,
    make_user,
    works,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, Organization

pytestmark = pytest.mark.django_db

REQUESTS = [
    ("GET", KEYS),
    ("POST", KEYS),
    ("DELETE", f"{KEYS}/{{id}}"),
    ("POST", f"{KEYS}/{{id}}/rotate"),
]
WRITES = REQUESTS[1:]
TODAY = "Tokens of a previous secret cannot manage keys. Exchange the key's current secret."


@pytest.fixture
def member(https_client):
    return make_member(https_client)


def each_answer(requests, key, send):
    identifier = key.credential.identifier
    return [send(method, path.format(id=identifier)) for method, path in requests]


class TestUnauthenticated:
    @pytest.mark.parametrize(("method", "path"), REQUESTS)
    def test_is_challenged_without_an_error_code(self, https_client, method, path):
        """RFC 6750, section 3.1."""
        answer = https_client.generic(method, path.format(id="sk_live.x"))
        description = assert_refused(answer, 401, "invalid_request")
        assert description == "Authentication is required: send a Bearer token, or sign in."
        assert answer["WWW-Authenticate"] == 'Bearer realm="token_exchange"'

    def test_is_who_sends_another_scheme(self, https_client, member):
        answer = https_client.get(KEYS, headers=api_key_header(member.issued))
        assert_refused(answer, 401, "invalid_request")

    def test_is_everybody_where_there_are_no_sessions(self, https_client, member, settings):
        settings.MIDDLEWARE = []
        assert_refused(https_client.get(KEYS), 401, "invalid_request")
        assert member.create().status_code == 201


class TestBadToken:
    @pytest.mark.parametrize(("method", "path"), REQUESTS)
    def test_is_refused_with_its_error(self, https_client, member, method, path):
        token = f"{member.token()}x"
        headers = bearer_header(token)
        answer = https_client.generic(method, path.format(id="sk_live.x"), headers=headers)
        assert_refused(answer, 401, "invalid_token")
        assert answer["WWW-Authenticate"] == (
            'Bearer realm="token_exchange", error="invalid_token", '
            'error_description="The access token provided is invalid."'
        )

    @pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer a, Bearer b"])
    def test_that_is_no_token_is_a_malformed_request(self, https_client, header):
        answer = https_client.get(KEYS, headers={"authorization": header})
        assert_refused(answer, 400, "invalid_request")

    def test_does_not_fall_back_to_the_session(self, https_client, member, entitlement):
        https_client.force_login(member.user)
        answer = https_client.get(KEYS, headers=bearer_header("x"))
        assert_refused(answer, 401, "invalid_token")

    @pytest.mark.usefixtures("still_clock")
    def test_counts_against_its_address(self, https_client, token_exchange_settings):
        token_exchange_settings(RATE_LIMITS={"failure": "2/m"})
        headers = bearer_header("x")
        statuses = [https_client.get(KEYS, headers=headers).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]


class TestMachine:
    @pytest.mark.parametrize("make", [make_api_key, make_client_app])
    def test_manages_no_keys(self, https_client, make):
        issued = make(scopes=["keys:manage"])
        token = machine_token(https_client, issued)
        send = partial(https_client.generic, headers=bearer_header(token))
        for answer in each_answer(REQUESTS, issued, send):
            assert_refused(answer, 403, "access_denied")
        assert not Credential.objects.exclude(revoked_at=None).exists()


def machine_token(client, issued):
    if issued.credential.kind == "api_key":
        answer = client.post("/v1/token", headers=api_key_header(issued))
        return answer.json()["access_token"]
    answer = client.post("/auth_token", headers=basic_header(issued))
    return answer.json()["access_token"]["token"]


class TestTokenWithoutTheScope:
    def test_lists_and_changes_nothing(self, member):
        token = member.token(scope="reports:read")
        assert member.call("GET", token=token).status_code == 200
        before = list(Credential.objects.values())
        for answer in each_answer(WRITES, member.issued, partial(member.call, token=token)):
            assert_refused(answer, 403, "insufficient_scope")
            assert answer["WWW-Authenticate"] == (
                'Bearer realm="token_exchange", error="insufficient_scope", scope="keys:manage"'
            )
        assert list(Credential.objects.values()) == before


class TestTokenOfAPreviousSecret:
    def test_lists_and_changes_nothing(self, member):
        """Neither a token from before the rotation, nor one issued later for that secret."""
        old = member.token()
        new = credentials.rotate(member.issued.credential, act=Act(now=timezone.now()))
        for token in (old, member.token()):
            assert member.call("GET", token=token).status_code == 200
            send = partial(member.call, token=token)
            for answer in each_answer(WRITES, member.issued, send):
                assert assert_refused(answer, 403, "access_denied") == TODAY
        assert member.create(token=member.token(new)).status_code == 201

    def test_is_one_however_often_the_key_was_rotated_since(self, member):
        old = member.token()
        for _ in range(2):
            credentials.rotate(
                member.issued.credential, overlap=timedelta(0), act=Act(now=timezone.now())
            )
        assert_refused(member.create(token=old), 403, "access_denied")


class TestTokenThatDied:
    @pytest.mark.django_db(transaction=True)
    def test_before_this_process_has_read_the_feed(self, member, elapsed):
        """The database decides about a write, not the caches of this process."""
        token = member.token()
        assert member.call("GET", token=token).status_code == 200
        rows = Credential.objects.filter(pk=member.issued.credential.pk)
        deaths = [
            (AccessToken.objects.all(), {"revoked_at": timezone.now()}),
            (AccessToken.objects.all(), {"jti": "another"}),
            (rows, {"generation": 7}),
            (rows, {"expires_at": timezone.now()}),
            (rows, {"revoked_at": timezone.now()}),
            (rows, {"owner": make_user()}),
            (Organization.objects.filter(pk=member.organization.pk), {"is_active": False}),
        ]
        for dying, values in deaths:
            before = dying.values(*values).get()
            QuerySet.update(dying, **values)  # past the code that would invalidate the caches
            assert_refused(member.create(token=token), 401, "invalid_token")
            QuerySet.update(dying, **before)
        assert member.create(token=token).status_code == 201

    def test_with_its_organization(self, member):
        token = member.token()
        type(member.organization).objects.update(is_active=False)
        assert_refused(member.create(token=token), 401, "invalid_token")

    def test_with_its_owner(self, member):
        token = member.token()
        type(member.user).objects.update(is_active=False)
        for answer in each_answer(REQUESTS, member.issued, partial(member.call, token=token)):
            assert_refused(answer, 401, "invalid_token")


class TestSession:
    @pytest.fixture
    def user(self, https_client):
        user = make_user()
        https_client.force_login(user)
        return user

    def test_has_what_the_entitlement_gives(self, https_client, user, entitlement):
        entitlement.update(
            scopes=["reports:read", "keys:manage", "token_exchange:revocations"],
            audience=["https://a.test"],
            allowed_networks=["192.0.2.0/24"],
            max_lifetime=timedelta(days=30),
        )
        answer = https_client.post(KEYS, {"label": "Laptop"})
        assert answer.status_code == 201
        key = Credential.objects.get(identifier=answer.json()["id"])
        assert (key.owner, key.organization) == (user, entitlement["organization"])
        assert (key.scopes, key.audience) == (["reports:read"], ["https://a.test"])
        assert key.allowed_networks == ["192.0.2.0/24"]
        assert key.expires_at - key.created_at == timedelta(days=30)

    def test_lists_rotates_and_revokes(self, https_client, user, entitlement):
        made = https_client.post(KEYS).json()
        (shown,) = https_client.get(KEYS).json()["api_keys"]
        assert shown["id"] == made["id"]
        rotated = https_client.post(f"{KEYS}/{made['id']}/rotate").json()
        assert works(rotated["api_key"])
        assert https_client.delete(f"{KEYS}/{made['id']}").status_code == 200
        assert not works(rotated["api_key"])

    def test_has_nothing_without_an_entitlement(self, https_client, user, entitlement):
        key = make_api_key(owner=user, organization=entitlement["organization"])
        entitlement["organization"] = None
        for answer in each_answer(REQUESTS, key, https_client.generic):
            assert_refused(answer, 403, "access_denied")
        assert works(key.raw_secret)

    def test_has_nothing_unless_the_project_says_so(self, https_client, user):
        assert_refused(https_client.get(KEYS), 403, "access_denied")

    def test_makes_no_keys_for_an_organization_that_is_inactive(
        self, https_client, user, entitlement
    ):
        type(entitlement["organization"]).objects.update(is_active=False)
        assert_refused(https_client.post(KEYS), 403, "access_denied")

    def test_of_a_user_who_was_deactivated_has_nothing(self, https_client, entitlement, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.AllowAllUsersModelBackend"
        ]
        https_client.force_login(make_user(is_active=False))
        for method in ("GET", "POST"):
            assert_refused(https_client.generic(method, KEYS), 403, "access_denied")

    def test_is_ours_to_break_if_the_hook_is_wrong(
        self, https_client, user, token_exchange_settings
    ):
        make_organization()
        token_exchange_settings(
            SELF_SERVICE_ENTITLEMENT="tests.support.entitlements.organization_of"
        )
        assert_refused(https_client.get(KEYS), 500, "server_error")


class TestForgery:
    """Writes with a session need a CSRF token, as on any other page."""

    @pytest.fixture
    def browser(self, entitlement):
        browser = HttpsClient(enforce_csrf_checks=True)
        browser.force_login(make_user())
        return browser

    def csrf_token(self, browser):
        browser.get("/admin/login/")  # any page with a form
        return browser.cookies["csrftoken"].value

    def send(self, browser, method, path, **headers):
        return browser.generic(
            method, path, json.dumps({}), "application/json", headers={**headers}
        )

    def test_is_refused(self, browser):
        token = self.csrf_token(browser)
        mine = {"x-csrftoken": token, "referer": "https://testserver/"}
        made = self.send(browser, "POST", KEYS, **mine).json()
        for method, path in WRITES:
            url = path.format(id=made["id"])
            for headers in (
                {},
                {"referer": "https://testserver/"},
                {"x-csrftoken": token},
                {"x-csrftoken": token, "referer": "https://evil.test/"},
                {"x-csrftoken": token, "origin": "https://evil.test"},
                {"x-csrftoken": "x" * 32, "referer": "https://testserver/"},
            ):
                answer = self.send(browser, method, url, **headers)
                assert answer.status_code == 403
                assert answer.json()["error"] == "access_denied"
        assert works(made["api_key"])
        for method, path in WRITES:
            statuses = self.send(browser, method, path.format(id=made["id"]), **mine)
            assert statuses.status_code in {200, 201, 409}

    def test_is_no_matter_for_reading(self, browser):
        assert browser.get(KEYS).status_code == 200

    def test_is_no_matter_for_tokens(self, https_client):
        browser = HttpsClient(enforce_csrf_checks=True)
        assert make_member(browser).create().status_code == 201

    def test_takes_the_token_from_a_form(self, browser):
        form = {"csrfmiddlewaretoken": self.csrf_token(browser), "label": "Form"}
        headers = {"referer": "https://testserver/"}
        assert browser.post(KEYS, form, headers=headers).status_code == 201

    @pytest.mark.parametrize(
        "content_type", ["multipart/form-data", "application/x-www-form-urlencoded; charset=hex"]
    )
    def test_hides_in_no_form_that_cannot_be_read(self, browser, content_type):
        answer = browser.generic("POST", KEYS, b"a=%zz", content_type)
        assert answer.status_code == 400


class TestRate:
    @pytest.mark.usefixtures("still_clock")
    def test_is_counted_by_user_whatever_the_user_calls_with(
        self, https_client, token_exchange_settings, entitlement
    ):
        member = make_member(https_client)
        tokens = [member.token(), member.token(member.add_key())]
        token_exchange_settings(RATE_LIMITS={"self_service": "3/m"})
        client = HttpsClient()
        client.force_login(member.user)
        answers = [member.call("GET", token=each) for each in tokens] + [client.get(KEYS)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert answers[-1]["RateLimit-Policy"] == '"self_service";q=3;w=60'
        assert_refused(client.get(KEYS), 429, "slow_down")
        assert make_member(https_client).create().status_code == 201

    def test_is_not_there_for_who_is_refused(self, client: Client):
        assert "RateLimit" not in client.get(KEYS, secure=True)
