"""Issuing a credential, and showing its secret once."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.core import signing
from django.db.models.signals import pre_save
from django.utils import timezone
from django.utils.html import escape

from tests.admin.clients import secrets_of
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url
from tests.support.authentication import authenticate_api_key, authenticate_client_app
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.models import APIKey, ClientApp, Credential

pytestmark = pytest.mark.django_db

ADD_KEY = admin_url("apikey", "add")
ADD_APP = admin_url("clientapp", "add")


class TestForm:
    def test_asks_for_the_whole_policy(self, operator):
        text = operator.get(ADD_KEY).text
        names = ("organization", "owner", "name", "scopes", "audience", "token_lifetime")
        names += ("expires_at", "expires_at_at", "allowed_networks", "metadata")
        assert [name for name in names if f'name="{name}"' not in text] == []

    def test_asks_a_client_app_for_no_owner(self, operator):
        text = operator.get(ADD_APP).text
        assert 'name="organization"' in text
        assert 'name="owner"' not in text

    def test_changes_nothing(self, operator):
        operator.get(ADD_KEY)
        assert Credential.objects.count() == 0

    def test_offers_the_registry_of_scopes_by_label(self, operator, token_exchange_settings):
        token_exchange_settings(SCOPES={"reports:read": "Read <b>reports</b>"})
        text = operator.get(ADD_KEY).text
        assert 'type="checkbox" name="scopes" value="reports:read"' in text
        assert "Read &lt;b&gt;reports&lt;/b&gt;</span> <code>reports:read</code>" in text

    def test_searches_for_organization_and_owner_instead_of_listing_them(self, operator):
        make_user(username="somebody-else")
        text = operator.get(ADD_KEY).text
        assert text.count('class="admin-autocomplete"') == 2
        assert "somebody-else" not in text

    def test_asks_for_ids_where_the_user_may_not_search(self, sign_in):
        operator = sign_in("add_apikey", "impersonate_apikey")
        text = operator.get(ADD_KEY).text
        assert 'class="admin-autocomplete"' not in text
        assert text.count("vForeignKeyRawIdAdminField") == 2

    def test_asks_for_ids_where_there_is_no_javascript(self, operator):
        url = f"{ADD_KEY}?by-id"
        assert '<noscript><p class="te-note"><a href="?by-id">' in operator.get(ADD_KEY).text
        text = operator.get(url).text
        assert text.count("vForeignKeyRawIdAdminField") == 2
        assert "<noscript><p" not in text
        response = operator.send(url, name="Nightly", organization=make_organization().pk)
        assert len(secrets_of(response)) == 1

    def test_autocomplete_finds_organizations(self, operator):
        organization = make_organization(name="Findable")
        query = {"app_label": "token_exchange", "model_name": "credential"}
        query |= {"field_name": "organization", "term": "findab"}
        response = operator.get(f"/admin/autocomplete/?{urlencode(query)}")
        assert response.json()["results"] == [{"id": str(organization.pk), "text": "Findable"}]


class TestIssue:
    def test_shows_a_working_api_key_once(self, operator):
        organization = make_organization()
        response = operator.send(
            ADD_KEY, name="Nightly", organization=organization.pk, scopes="a b"
        )
        assert response.status_code == 200
        (raw_key,) = secrets_of(response)
        found = authenticate_api_key(
            raw_key, address="192.0.2.1", now=timezone.now(), load_owner=True
        )
        assert (found.scopes, found.owner) == (["a", "b"], None)
        assert raw_key in response.text

    def test_is_not_kept_by_anybody(self, operator):
        response = operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        assert "no-store" in response.headers["Cache-Control"]
        assert "Location" not in response.headers
        (raw_key,) = secrets_of(response)
        kept = json.dumps(
            [
                {name: morsel.value for name, morsel in operator.cookies.items()},
                dict(operator.session),
                list(LogEntry.objects.values_list("object_repr", "change_message")),
                [str(message) for message in response.context["messages"]],
                operator.get(admin_url("apikey", "changelist")).text,
                operator.get(admin_url("apikey", "change", APIKey.objects.get())).text,
                operator.get(admin_url("apikey", "history", APIKey.objects.get())).text,
            ]
        )
        assert raw_key not in kept
        assert raw_key.rpartition(".")[2] not in kept

    def test_is_not_logged(self, operator, caplog):
        caplog.set_level("DEBUG")
        response = operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        assert secrets_of(response)[0].rpartition(".")[2] not in caplog.text

    def test_writes_all_that_was_asked(self, operator):
        owner, organization = make_user(), make_organization()
        operator.send(
            ADD_KEY,
            name="Nightly",
            organization=organization.pk,
            owner=owner.pk,
            scopes="reports:write\r\nreports:read",
            audience="https://a.test\r\nhttps://b.test",
            token_lifetime="custom",
            token_lifetime_number="10",
            token_lifetime_unit="minutes",
            expires_at="custom",
            expires_at_at="2100-01-02T03:04:05",
            allowed_networks="192.0.2.0/24 2001:db8::/32",
            metadata='{"team": "billing"}',
        )
        key = APIKey.objects.get()
        assert (key.name, key.organization, key.owner) == ("Nightly", organization, owner)
        assert (key.subject_type, key.created_by) == (Credential.SubjectType.USER, operator.user)
        assert key.scopes == ["reports:read", "reports:write"]
        assert key.audience == ["https://a.test", "https://b.test"]
        assert key.token_lifetime == timedelta(minutes=10)
        assert key.expires_at.year == 2100
        assert key.allowed_networks == ["192.0.2.0/24", "2001:db8::/32"]
        assert key.metadata == {"team": "billing"}

    def test_takes_ticked_scopes(self, operator, token_exchange_settings):
        token_exchange_settings(SCOPES={"a": "A", "b": "B", "c": "C"})
        organization = make_organization()
        operator.send(ADD_KEY, name="Nightly", organization=organization.pk, scopes=["c", "a"])
        assert APIKey.objects.get().scopes == ["a", "c"]

    def test_enters_the_history_of_the_key(self, operator):
        operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        entry = LogEntry.objects.get()
        key = APIKey.objects.get()
        assert (entry.action_flag, entry.user, entry.object_id) == (
            ADDITION,
            operator.user,
            str(key.pk),
        )
        assert entry.get_edited_object() == key
        assert entry.content_type.model == "apikey"
        assert "Added." in operator.get(admin_url("apikey", "history", key)).text

    def test_shows_a_client_app_as_id_and_secret(self, operator):
        response = operator.send(ADD_APP, name="Billing", organization=make_organization().pk)
        (client_secret,) = secrets_of(response)
        client_id = ClientApp.objects.get().identifier
        authenticate_client_app(client_id, client_secret, address="192.0.2.1", now=timezone.now())
        curl = f"curl -X POST -u '{client_id}:{client_secret}' https://issuer.test/auth_token"
        assert escape(curl) in response.text

    def test_names_the_issuer_in_the_curl_line_whatever_the_host_header_says(self, operator):
        operator.defaults["HTTP_HOST"] = "evil.test"
        response = operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        (raw_key,) = secrets_of(response)
        curl = f"curl -X POST -H 'Authorization: ApiKey {raw_key}' https://issuer.test/v1/token"
        assert escape(curl) in response.text
        assert "evil.test" not in response.text

    def test_knows_the_endpoint_where_this_process_does_not_serve_it(self, operator, settings):
        settings.ROOT_URLCONF = "tests.admin.urls_without_wire"
        response = operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        assert response.context["secrets"][0].curl.endswith(" https://issuer.test/v1/token")

    def test_keeps_the_secret_out_of_the_templates(self, operator):
        response = operator.send(ADD_KEY, name="Nightly", organization=make_organization().pk)
        (raw_key,) = secrets_of(response)
        assert raw_key not in repr(response.context)

    def test_escapes_a_hostile_name(self, operator):
        name = "<script>alert(1)</script>"
        organization = make_organization(name=name)
        response = operator.send(ADD_KEY, name=name, organization=organization.pk)
        assert "<script>alert" not in response.text
        assert response.text.count("&lt;script&gt;alert(1)") == 2


class TestReload:
    def send_twice(self, operator):
        values = {"name": "Nightly", "organization": make_organization().pk}
        values |= hidden_fields(operator.get(ADD_KEY))
        return operator.post(ADD_KEY, values), operator.post(ADD_KEY, values)

    def test_makes_no_second_credential_and_shows_no_secret(self, operator):
        first, second = self.send_twice(operator)
        assert second.status_code == 409
        assert "no-store" in second.headers["Cache-Control"]
        assert secrets_of(first)[0] not in second.text
        assert admin_url("apikey", "change", APIKey.objects.get()) in second.text
        assert LogEntry.objects.count() == 1

    def test_at_the_very_same_moment(self, operator):
        """The other request commits after this one has looked, and before it inserts."""
        values = {"name": "Nightly", "organization": make_organization().pk}
        values |= hidden_fields(operator.get(ADD_KEY))
        others = []

        def be_faster(instance, **_):
            if not others:
                others.append(instance)
                make_api_key(identifier=instance.identifier)

        pre_save.connect(be_faster, sender=Credential)
        try:
            response = operator.post(ADD_KEY, values)
        finally:
            pre_save.disconnect(be_faster, sender=Credential)
        assert (response.status_code, response.context["title"]) == (409, "Already issued")
        # Here both share a transaction, so the other's credential is undone as well.
        assert (APIKey.objects.count(), LogEntry.objects.count()) == (0, 0)

    @pytest.mark.parametrize(
        "signed",
        ["", "forged", signing.dumps("sk_live.aaaaaaaaaaaa")],
        # A signature contains the time, and all test processes must use the same names.
        ids=["empty", "unsigned", "signed for another purpose"],
    )
    def test_a_forged_identifier_is_refused_and_replaced(self, operator, signed):
        values = {"name": "Nightly", "organization": make_organization().pk}
        response = operator.post(ADD_KEY, {**values, "signed_identifier": signed})
        assert (
            "This form is out of date or belongs to another user. Submit it again." in response.text
        )
        assert APIKey.objects.count() == 0
        operator.post(ADD_KEY, {**values, **hidden_fields(response)})
        assert APIKey.objects.count() == 1

    def test_another_users_form_is_refused(self, operator, sign_in):
        values = {"name": "Nightly", "organization": make_organization().pk}
        values |= hidden_fields(sign_in(is_superuser=True).get(ADD_KEY))
        operator.post(ADD_KEY, values)
        assert APIKey.objects.count() == 0

    def test_the_other_kinds_form_is_refused(self, operator):
        values = {"name": "Nightly", "organization": make_organization().pk}
        values |= hidden_fields(operator.get(ADD_APP))
        operator.post(ADD_KEY, values)
        assert Credential.objects.count() == 0
