"""Granting and removing reserved scopes needs a permission of its own."""

from __future__ import annotations

import pytest

from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_organization
from token_exchange.models import APIKey, Revocation
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

ADD = admin_url("apikey", "add")
REFUSAL = f"You don&#x27;t have permission to grant or remove {REVOCATIONS_SCOPE}."
OPERATOR = ("add_apikey", "change_apikey", "view_apikey")


@pytest.fixture(params=["a list", "boxes"])
def form(request, token_exchange_settings):
    """How a form sends scopes: as text, or as the boxes of a registry."""
    if request.param == "a list":
        return " ".join
    token_exchange_settings(SCOPES={"a": "A", "b": "B"})
    return list


@pytest.fixture
def tenant(sign_in):
    """Somebody who may issue and change keys, but not grant everything."""
    return sign_in(*OPERATOR)


@pytest.fixture
def granter(sign_in):
    """Somebody who may grant it as well."""
    return sign_in(*OPERATOR, "grant_revocations")


@pytest.fixture
def change(form):
    """Change the scopes of a key as a user of the admin."""

    def change(operator, key, scopes, **values):
        values = {"name": key.name, "scopes": form(scopes), "metadata": "", **values}
        return operator.post(credential_url(key, "change"), values)

    return change


def scopes_of(key):
    return sorted(APIKey.objects.get(pk=key.pk).scopes)


class TestIssue:
    def issue(self, operator, form, scopes):
        organization = make_organization().pk
        return operator.send(ADD, name="Feed", organization=organization, scopes=form(scopes))

    def test_with_the_permission(self, granter, form):
        assert self.issue(granter, form, ["a", REVOCATIONS_SCOPE]).status_code == 200
        assert APIKey.objects.get().scopes == ["a", REVOCATIONS_SCOPE]

    def test_without_it(self, tenant, form):
        response = self.issue(tenant, form, ["a", REVOCATIONS_SCOPE])
        assert not APIKey.objects.exists()
        assert list(response.context["adminform"].form.errors) == ["scopes"]

    def test_of_other_scopes_needs_no_permission(self, tenant, form):
        self.issue(tenant, form, ["a", "b"])
        assert APIKey.objects.get().scopes == ["a", "b"]

    def test_is_offered_to_those_who_may(self, tenant, granter, token_exchange_settings):
        assert REVOCATIONS_SCOPE not in tenant.get(ADD).text
        token_exchange_settings(SCOPES={"a": "A"})
        box = f'name="scopes" value="{REVOCATIONS_SCOPE}"'
        assert box in granter.get(ADD).text
        assert REVOCATIONS_SCOPE not in tenant.get(ADD).text

    def test_one_users_form_is_not_anothers(self, tenant, granter, form):
        granter.get(ADD)
        self.issue(tenant, form, [REVOCATIONS_SCOPE])
        assert not APIKey.objects.exists()


class TestChange:
    @pytest.mark.parametrize("before", [[], ["a"]])
    def test_with_the_permission(self, granter, change, before):
        key = make_api_key(scopes=before).credential
        change(granter, key, [*before, REVOCATIONS_SCOPE])
        assert scopes_of(key) == [*before, REVOCATIONS_SCOPE]
        change(granter, key, before)
        assert scopes_of(key) == before

    def test_cannot_add_it_without_the_permission(self, tenant, change):
        key = make_api_key(scopes=["a"]).credential
        response = change(tenant, key, ["a", REVOCATIONS_SCOPE])
        assert list(response.context["adminform"].form.errors) == ["scopes"]
        assert scopes_of(key) == ["a"]

    def test_cannot_remove_it_without_the_permission(self, tenant, change):
        key = make_api_key(scopes=["a", REVOCATIONS_SCOPE]).credential
        response = change(tenant, key, ["a"])
        assert REFUSAL in response.text
        assert scopes_of(key) == ["a", REVOCATIONS_SCOPE]

    def test_of_anything_else_leaves_it(self, tenant, change):
        key = make_api_key(scopes=["a", REVOCATIONS_SCOPE]).credential
        change(tenant, key, ["b", REVOCATIONS_SCOPE], name="Other")
        assert scopes_of(key) == ["b", REVOCATIONS_SCOPE]
        assert APIKey.objects.get().name == "Other"

    def test_of_a_form_rendered_before_it_was_granted_is_refused(self, tenant, change):
        key = make_api_key(scopes=["a"]).credential
        tenant.get(credential_url(key, "change"))
        APIKey.objects.update(scopes=["a", REVOCATIONS_SCOPE])
        assert REFUSAL in change(tenant, key, ["a", "b"]).text
        assert scopes_of(key) == ["a", REVOCATIONS_SCOPE]

    def test_shows_it_to_all_where_it_is_granted(self, tenant, token_exchange_settings):
        token_exchange_settings(SCOPES={"a": "A"})
        key = make_api_key(scopes=["a", REVOCATIONS_SCOPE]).credential
        text = tenant.get(credential_url(key, "change")).text
        assert f"(all organizations)</span> <code>{REVOCATIONS_SCOPE}</code>" in text
        assert "No longer offered" not in text

    def test_the_permission_to_see_revocations_is_another(self, sign_in, change):
        key = make_api_key(scopes=["a"]).credential
        change(sign_in(*OPERATOR, "view_revocation"), key, ["a", REVOCATIONS_SCOPE])
        assert scopes_of(key) == ["a"]

    def test_superusers_may(self, operator, change):
        key = make_api_key().credential
        change(operator, key, [REVOCATIONS_SCOPE])
        assert scopes_of(key) == [REVOCATIONS_SCOPE]


def test_grant_permission_alone_gives_no_access(sign_in):
    key = make_api_key().credential
    granter = sign_in("grant_revocations")
    assert granter.get(ADD).status_code == 403
    assert granter.get(credential_url(key, "change")).status_code == 403
    assert not Revocation.objects.exists()
