"""Change lists: filters, order, counts and number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.admin import APIKeyAdmin, filters, pagination
from token_exchange.issuer import credentials, signing_keys
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey, SigningKey

pytestmark = pytest.mark.django_db

KEYS = admin_url("apikey", "changelist")
TOKENS = admin_url("accesstoken", "changelist")


def make_one_of_each():
    """One API key in each state, by the name of the state."""
    now = timezone.now()
    for name in ("active", "rotating", "revoked", "past"):
        make_api_key(name=name)
    rows = {key.name: key for key in APIKey.objects.all()}
    credentials.rotate(rows["rotating"], act=Act(now=now))
    credentials.rotate(
        rows["past"], overlap=timedelta(days=2), act=Act(now=now - timedelta(days=3))
    )
    credentials.revoke(rows["revoked"], act=Act(now=now))
    make_api_key(name="expired", now=now - timedelta(days=2), expires_at=now - timedelta(days=1))


def names_in(response):
    return sorted(each.name for each in response.context["cl"].result_list)


def deactivate(row):
    row.is_active = False
    row.save()


class TestCredentials:
    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ("active", ["active", "past"]),
            ("rotating", ["rotating"]),
            ("expired", ["expired"]),
            ("revoked", ["revoked"]),
            ("nonsense", ["active", "expired", "past", "revoked", "rotating"]),
        ],
    )
    def test_are_found_by_state(self, operator, state, names):
        make_one_of_each()
        response = operator.get(f"{KEYS}?state={state}")
        assert names_in(response) == names
        shown = {row.state(now=timezone.now()) for row in response.context["cl"].result_list}
        assert state == "nonsense" or shown == {state}

    def test_show_their_state(self, operator):
        make_one_of_each()
        text = operator.get(KEYS).text
        badge = '<span class="te-badge te-{}">{}</span>'
        states = ("active", "rotating", "expired", "revoked")
        assert [text.count(badge.format(state, state.title())) for state in states] == [2, 1, 1, 1]

    def test_are_found_by_organization(self, operator):
        key = make_api_key(name="mine").credential
        make_api_key(name="theirs")
        assert names_in(operator.get(f"{KEYS}?organization={key.organization_id}")) == ["mine"]

    def test_are_found_by_whom_they_speak_for(self, operator):
        make_api_key(name="hers", owner=make_user())
        make_api_key(name="ours")
        assert names_in(operator.get(f"{KEYS}?subject_type=user")) == ["hers"]
        assert names_in(operator.get(f"{KEYS}?subject_type=organization")) == ["ours"]
        assert names_in(operator.get(f"{KEYS}?subject_type=nonsense")) == ["hers", "ours"]

    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ("active", ["newer", "older"]),
            ("expiring", ["sooner", "later"]),
            ("expired", ["just expired", "long expired"]),
            ("revoked", ["just revoked", "long revoked"]),
        ],
    )
    def test_come_in_the_order_that_their_state_suggests(self, operator, state, names):
        now, day = timezone.now(), timedelta(days=1)
        for name, ends in (("later", 2), ("sooner", 1), ("just expired", -1), ("long expired", -2)):
            make_api_key(name=name, now=now - 3 * day, expires_at=now + ends * day)
        for name, ago in (("just revoked", 1), ("long revoked", 2)):
            credentials.revoke(make_api_key(name=name).credential, act=Act(now=now - ago * day))
        for name in ("older", "newer"):
            make_api_key(name=name)
        rows = operator.get(f"{KEYS}?state={state}").context["cl"].result_list
        assert [each.name for each in rows] == names

    def test_come_newest_first_also_of_one_organization(self, operator):
        organization = make_organization()
        for name in ("older", "newer"):
            make_api_key(name=name, organization=organization)
        rows = operator.get(f"{KEYS}?organization={organization.pk}").context["cl"].result_list
        assert [each.name for each in rows] == ["newer", "older"]

    def test_offer_a_bounded_choice_of_organizations_and_the_chosen_one(self, operator):
        for number in range(filters.ORGANIZATION_LIMIT):
            make_organization(name=f"A {number}")
        chosen = make_organization(name="Z last")
        assert "Z last" not in operator.get(KEYS).text
        assert "Z last" in operator.get(f"{KEYS}?organization={chosen.pk}").text

    @pytest.mark.parametrize("value", ["nonsense", "1.5", "%00"])
    def test_survive_an_organization_that_is_none(self, operator, value):
        response = operator.get(f"{KEYS}?organization={value}")
        assert response.url == f"{KEYS}?e=1"

    def test_are_found_by_name_and_identifier(self, operator):
        key = make_api_key(name="needle").credential
        make_api_key(name="hay")
        assert names_in(operator.get(f"{KEYS}?q=needle")) == ["needle"]
        assert names_in(operator.get(f"{KEYS}?q={key.identifier}")) == ["needle"]

    def test_show_only_their_kind(self, operator):
        make_client_app(name="an app")
        key = make_api_key(name="a key").credential
        assert names_in(operator.get(KEYS)) == ["a key"]
        assert names_in(operator.get(admin_url("clientapp", "changelist"))) == ["an app"]
        assert operator.get(admin_url("clientapp", "rotate", key)).status_code == 404

    def test_count_only_tokens_that_work(self, operator):
        issued = make_api_key()
        live, revoked, expired, ended = (make_token(issued) for _ in range(4))
        AccessToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        AccessToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
        AccessToken.objects.filter(pk=ended.pk).update(generation=0)
        make_token()
        (row,) = operator.get(f"{KEYS}?q={issued.credential.identifier}").context["cl"].result_list
        assert row.live_token_count == 1
        signing_keys.rotate_signing_key(all_new=True, act=Act(now=timezone.now()))
        (row,) = operator.get(f"{KEYS}?q={issued.credential.identifier}").context["cl"].result_list
        assert row.live_token_count == 0
        assert AccessToken.objects.filter(pk=live.pk).exists()

    @pytest.mark.parametrize("model", ["organization", "owner"])
    def test_count_no_token_of_the_inactive(self, operator, model):
        token = make_token(make_api_key(owner=make_user()))
        (row,) = operator.get(KEYS).context["cl"].result_list
        assert row.live_token_count == 1
        deactivate(getattr(token.credential, model))
        (row,) = operator.get(KEYS).context["cl"].result_list
        assert row.live_token_count == 0

    def test_count_no_further_than_the_limit(self, operator, monkeypatch):
        monkeypatch.setattr(pagination, "COUNT_LIMIT", 2)
        hint = "Only the first 2 rows are listed."
        make_api_key()
        assert hint not in operator.get(KEYS).text
        for _ in range(2):
            make_api_key()
        response = operator.get(KEYS)
        assert response.context["cl"].result_count == 2
        assert hint in response.text

    def test_are_shown_page_by_page(self, operator, monkeypatch):
        monkeypatch.setattr(APIKeyAdmin, "list_per_page", 2)
        for name in ("a", "b", "c"):
            make_api_key(name=name)
        pages = [operator.get(f"{KEYS}?p={number}").context["cl"].result_list for number in (1, 2)]
        assert [[each.name for each in rows] for rows in pages] == [["c", "b"], ["a"]]
        assert names_in(operator.get(f"{KEYS}?all=")) == ["a", "b", "c"]

    @pytest.mark.parametrize("model", ["apikey", "clientapp", "accesstoken"])
    def test_ask_as_many_queries_for_three_rows_as_for_one(self, operator, model):
        def make_row():
            owned = make_api_key(owner=make_user(), scopes=["a"])
            make_token(owned)
            make_client_app()

        url = admin_url(model, "changelist")
        make_row()
        operator.get(url)
        with CaptureQueriesContext(
            connection,
        ) as one:
            operator.get(url)
        make_row()
        make_row()
        with CaptureQueriesContext(connection) as three:
            response = operator.get(url)
        assert len(response.context["cl"].result_list) == 3
        assert len(three) == len(one)

    def test_escapes_hostile_text(self, operator):
        name = "<script>alert(1)</script>"
        make_token(make_api_key(name=name, organization=make_organization(name=name)))
        key = APIKey.objects.get()
        urls = [KEYS, TOKENS, *(credential_url(key, each) for each in ("change", "history"))]
        urls += [admin_url("organization", "changelist"), credential_url(key, "revoke")]
        for url in urls:
            text = operator.get(url).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert(1)" in text

    def test_have_no_action_that_deletes(self, operator):
        make_api_key()
        text = operator.get(KEYS).text
        assert 'value="rotate_selected"' in text
        assert "delete_selected" not in text


def test_signing_keys_are_listed_by_state(operator):
    signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
    text = operator.get(admin_url("signingkey", "changelist")).text
    assert 'class="te-badge te-current"' in text
    assert 'class="te-badge te-next"' in text
    for key in SigningKey.objects.all():
        assert key.encrypted_private_key not in text
        assert (
            key.encrypted_private_key
            not in operator.get(admin_url("signingkey", "change", key)).text
        )
    assert hidden_fields(operator.get(admin_url("signingkey", "changelist"))) == {}
