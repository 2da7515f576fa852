"""The permission that each page, action and button of the admin needs."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import OperatorClient, hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey, Credential, SigningKey

pytestmark = pytest.mark.django_db

VERBS = ("add", "change", "rotate", "revoke")
MODELS = ("apikey", "clientapp", "accesstoken", "signingkey")
PERMISSIONS = {
    "apikey": (*VERBS, "view"),
    "clientapp": (*VERBS, "view"),
    "accesstoken": ("revoke", "view"),
    "signingkey": ("rotate", "remove", "view"),
}


class Page(NamedTuple):
    model: str
    name: str
    permission: str
    status: int
    """What a GET answers to those who have the permission."""


PAGES = [
    Page("apikey", "add", "add", 200),
    Page("apikey", "rotate", "rotate", 200),
    Page("apikey", "end_overlap", "rotate", 405),
    Page("apikey", "rotate_compromised", "rotate", 200),
    Page("apikey", "revoke", "revoke", 200),
    Page("clientapp", "add", "add", 200),
    Page("clientapp", "rotate", "rotate", 200),
    Page("clientapp", "end_overlap", "rotate", 405),
    Page("clientapp", "rotate_compromised", "rotate", 200),
    Page("clientapp", "revoke", "revoke", 200),
    Page("accesstoken", "revoke", "revoke", 200),
    Page("signingkey", "rotate", "rotate", 200),
    Page("signingkey", "remove", "remove", 200),
]


def name_of(its):
    return f"{its.model} {its.name}"


OBJECT_PAGES = [
    its for its in PAGES if its.name != "add" and (its.model, its.name) != ("signingkey", "rotate")
]
ACTIONS = [
    ("apikey", "rotate_selected", "rotate"),
    ("apikey", "rotate_compromised_selected", "rotate"),
    ("apikey", "revoke_selected", "revoke"),
    ("clientapp", "rotate_selected", "rotate"),
    ("clientapp", "rotate_compromised_selected", "rotate"),
    ("clientapp", "revoke_selected", "revoke"),
    ("accesstoken", "revoke_selected", "revoke"),
]
CONFIRMATION = {"confirmed": "yes", "version": "x", "overlap": "0"}


def all_but(model, permission):
    """Every permission of the app but the one, so that none of them grants it."""
    return [
        f"{each}_{name}"
        for name in MODELS
        for each in PERMISSIONS[name]
        if (name, each) != (model, permission)
    ]


def everything():
    rows = itertools.chain(*(each.objects.all() for each in (Credential, AccessToken, SigningKey)))
    return serializers.serialize("json", [*rows, *LogEntry.objects.all()])


def end_overlaps():
    """Make room for a rotation: there can be only one previous secret."""
    for each in Credential.objects.filter(previous_secret_expires_at__gt=timezone.now()):
        credentials.end_overlap(each, act=Act(now=timezone.now()))


@pytest.fixture
def rows():
    key, app = make_api_key(), make_client_app()
    token = make_token(key)
    for issued in (key, app):
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
    return {
        "apikey": key.credential,
        "clientapp": app.credential,
        "accesstoken": token,
        "signingkey": SigningKey.objects.get(),
    }


@pytest.fixture
def url(rows):
    def url(its):
        return admin_url(its.model, its.name, rows[its.model] if its in OBJECT_PAGES else None)

    return url


class TestPages:
    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_send_strangers_to_the_login(self, url, method, its):
        before = everything()
        response = getattr(OperatorClient(), method)(url(its), CONFIRMATION)
        assert response.url.startswith("/admin/login/")
        assert everything() == before

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_are_not_for_users_outside_the_staff(self, url, method, its):
        client = OperatorClient()
        client.force_login(make_user(is_superuser=True))
        response = getattr(client, method)(url(its), CONFIRMATION)
        assert response.url.startswith("/admin/login/")

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_are_not_for_those_who_may_only_look(self, sign_in, url, method, its):
        operator = sign_in(f"view_{its.model}")
        before = everything()
        assert getattr(operator, method)(url(its), CONFIRMATION).status_code == 403
        assert everything() == before

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_are_not_opened_by_any_other_permission(self, sign_in, url, method, its):
        operator = sign_in(*all_but(its.model, its.permission))
        before = everything()
        assert getattr(operator, method)(url(its), CONFIRMATION).status_code == 403
        assert everything() == before

    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_are_opened_by_their_own_permission_and_change_nothing_by_get(self, sign_in, url, its):
        operator = sign_in(f"view_{its.model}", f"{its.permission}_{its.model}")
        before = everything()
        response = operator.get(url(its))
        assert response.status_code == its.status
        assert "no-store" in response.headers["Cache-Control"]
        assert everything() == before

    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_act_by_post(self, sign_in, url, rows, its):
        operator = sign_in(f"view_{its.model}", f"{its.permission}_{its.model}")
        if its.name == "rotate":
            end_overlaps()
        values = hidden_fields(operator.get(url(its))) if its.status == 200 else {}
        values |= {"name": "x", "organization": rows["apikey"].organization_id}
        before = everything()
        operator.post(url(its), {**values, "overlap": "0"})
        assert everything() != before
        assert LogEntry.objects.get().user == operator.user

    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_need_the_right_to_look_as_well(self, sign_in, url, its):
        operator = sign_in(f"{its.permission}_{its.model}")
        expected = 200 if its.permission == "add" else 403
        assert operator.get(url(its)).status_code == expected

    @pytest.mark.parametrize("its", PAGES, ids=name_of)
    def test_refuse_a_post_without_a_csrf_token(self, operator, url, its):
        strict = OperatorClient(enforce_csrf_checks=True)
        strict.force_login(operator.user)
        before = everything()
        assert strict.post(url(its), CONFIRMATION).status_code == 403
        assert everything() == before

    @pytest.mark.parametrize("pk", [2**31 - 1, 10**30, "x", "1_5F2"])
    @pytest.mark.parametrize("its", OBJECT_PAGES, ids=name_of)
    def test_know_no_other_ids(self, operator, its, pk):
        url = f"/admin/token_exchange/{its.model}/{pk}/{its.name}/"
        assert operator.get(url).status_code == 404
        assert operator.post(url, CONFIRMATION).status_code == 404


class TestActions:
    @pytest.mark.parametrize(("model", "action", "permission"), ACTIONS)
    def test_are_not_for_those_who_lack_the_permission(
        self, sign_in, rows, model, action, permission
    ):
        for codenames in ([f"view_{model}"], all_but(model, permission)):
            operator = sign_in(*codenames)
            before = everything()
            url = admin_url(model, "changelist")
            assert action not in operator.get(url).text
            assert operator.choose(url, action, rows[model]).status_code == 403
            values = {"action": action, "_selected_action": rows[model].pk, **CONFIRMATION}
            assert operator.post(url, values).status_code == 403
            assert everything() == before

    @pytest.mark.parametrize(("model", "action", "permission"), ACTIONS)
    def test_are_for_those_who_have_it(self, sign_in, rows, model, action, permission):
        operator = sign_in(f"view_{model}", f"{permission}_{model}")
        url = admin_url(model, "changelist")
        end_overlaps()
        before = everything()
        response = operator.choose(url, action, rows[model])
        assert response.status_code == 200
        assert everything() == before
        operator.post(url, {**hidden_fields(response), "overlap": "0"})
        assert LogEntry.objects.get().user == operator.user

    @pytest.mark.parametrize(("model", "action", "permission"), ACTIONS)
    def test_refuse_a_post_without_a_csrf_token(self, operator, rows, model, action, permission):
        strict = OperatorClient(enforce_csrf_checks=True)
        strict.force_login(operator.user)
        before = everything()
        values = {"action": action, "_selected_action": rows[model].pk, **CONFIRMATION}
        assert strict.post(admin_url(model, "changelist"), values).status_code == 403
        assert everything() == before


class TestButtons:
    @pytest.mark.parametrize("model", ["apikey", "clientapp", "accesstoken"])
    def test_are_hidden_from_those_who_may_only_look(self, sign_in, rows, model):
        text = sign_in(f"view_{model}").get(admin_url(model, "change", rows[model])).text
        assert admin_url(model, "revoke", rows[model]) not in text
        assert "/rotate/" not in text
        assert 'name="_save"' not in text

    def test_are_each_for_its_own_permission(self, sign_in, rows):
        key = rows["apikey"]
        text = sign_in("view_apikey", "rotate_apikey").get(credential_url(key, "change")).text
        assert credential_url(key, "rotate") in text
        assert credential_url(key, "revoke") not in text

    def test_of_the_signing_keys_are_hidden_too(self, sign_in, rows):
        operator = sign_in("view_signingkey")
        assert (
            admin_url("signingkey", "rotate")
            not in operator.get(admin_url("signingkey", "changelist")).text
        )
        key = rows["signingkey"]
        text = operator.get(admin_url("signingkey", "change", key)).text
        assert admin_url("signingkey", "remove", key) not in text


def test_editing_a_credential_needs_its_own_permission(sign_in, rows):
    key = rows["apikey"]
    url = credential_url(key, "change")
    assert sign_in(*all_but("apikey", "change")).post(url, {"name": "x"}).status_code == 403
    sign_in("change_apikey").post(url, {"name": "Other", "scopes": "", "metadata": ""})
    assert APIKey.objects.get().name == "Other"


def test_post_with_a_csrf_token_is_accepted(operator):
    strict = OperatorClient(enforce_csrf_checks=True)
    strict.force_login(operator.user)
    url = credential_url(make_api_key().credential, "revoke")
    token = strict.get(url).context["csrf_token"]
    values = {"csrfmiddlewaretoken": str(token), "confirmed": "yes"}
    response = strict.post(url, values, headers={"referer": "https://testserver/"})
    assert response.status_code == 302
    assert APIKey.objects.get().revoked_at is not None
