"""Seeing a new secret needs permission to act as the credential's subject."""

from __future__ import annotations

import pytest

from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_user
from token_exchange.models import APIKey
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")
OPERATOR = ("view_apikey", "rotate_apikey")


def only_his(user):
    """The hook that limits everybody to one organization, which each user's name is the slug of."""
    model = APIKey._meta.get_field("organization").related_model
    return list(model.objects.filter(slug=user.username).values_list("pk", flat=True))


def is_shown(operator, key):
    """Tell whether the user gets to a new secret, by any way: the button, the page, in bulk."""
    url = credential_url(key, "rotate")
    digest = APIKey.objects.get(pk=key.pk).secret_digest
    has_button = url in operator.get(credential_url(key, "change")).text
    form = operator.get(url)
    chosen = operator.choose(LIST, "rotate_selected", key)
    ways = {has_button, form.status_code == 200, chosen.status_code == 200}
    assert len(ways) == 1
    if has_button:
        operator.post(url, {**hidden_fields(form), "overlap": "0"})
    else:
        assert operator.post(url, {"version": "x", "overlap": "0"}).status_code == 403
        operator.post(
            LIST, {"action": "rotate_selected", "_selected_action": key.pk, "version": "x"}
        )
    rotated = APIKey.objects.get(pk=key.pk).secret_digest != digest
    assert rotated == has_button
    return rotated


class TestRotate:
    def test_of_an_organizations_key_needs_no_more(self, sign_in):
        assert is_shown(sign_in(*OPERATOR), make_api_key(scopes=["a"]).credential)

    def test_of_ones_own_key_neither(self, sign_in):
        operator = sign_in(*OPERATOR)
        assert is_shown(operator, make_api_key(owner=operator.user).credential)

    def test_of_another_users_key_needs_a_permission(self, sign_in):
        key = make_api_key(owner=make_user()).credential
        assert not is_shown(sign_in(*OPERATOR), key)
        assert is_shown(sign_in(*OPERATOR, "impersonate_apikey"), key)

    def test_of_a_key_whose_owner_is_gone_as_well(self, sign_in):
        key = make_api_key(owner=make_user()).credential
        APIKey.objects.filter(pk=key.pk).update(owner=None)
        assert not is_shown(sign_in(*OPERATOR), key)

    def test_of_another_users_key_is_refused_to_limited_operators(
        self, sign_in, token_exchange_settings
    ):
        operator = sign_in(*OPERATOR, "impersonate_apikey", username="acme")
        key = make_api_key(owner=make_user()).credential
        own = make_api_key(owner=operator.user, organization=key.organization).credential
        key.organization.slug = "acme"
        key.organization.save()
        token_exchange_settings(
            OPERATOR_ORGANIZATIONS="tests.admin.test_secret_permissions.only_his"
        )
        assert not is_shown(operator, key)
        assert is_shown(operator, own)

    def test_of_a_key_with_a_reserved_scope_needs_the_permission_to_grant_it(self, sign_in):
        key = make_api_key(scopes=[REVOCATIONS_SCOPE]).credential
        assert not is_shown(sign_in(*OPERATOR), key)
        assert is_shown(sign_in(*OPERATOR, "grant_revocations"), key)

    def test_says_which_were_in_the_way(self, sign_in):
        operator = sign_in(*OPERATOR)
        fine, other = make_api_key(), make_api_key(owner=make_user(), name="Other <b>'s</b>")
        response = operator.choose(LIST, "rotate_selected", fine.credential, other.credential)
        assert response.url == LIST
        text = operator.get(LIST).text
        assert "Other &lt;b&gt;&#x27;s&lt;/b&gt;" in text
        assert "Nothing was changed." in text


class TestRevoke:
    def test_needs_neither(self, sign_in):
        operator = sign_in("view_apikey", "revoke_apikey")
        key = make_api_key(owner=make_user(), scopes=[REVOCATIONS_SCOPE]).credential
        operator.send(credential_url(key, "revoke"))
        assert APIKey.objects.get().revoked_at is not None
