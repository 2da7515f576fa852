"""A limited operator cannot change rows of other organizations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.urls import reverse

from tests.admin.conftest import hidden_fields
from tests.admin.tenant_rows import NOBODY, everything, told
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key
from token_exchange.models import APIKey, Credential, SigningKey
from token_exchange_core.scopes import REVOCATIONS_SCOPE

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(own, foreign):
    return own, foreign


class TestActions:
    @pytest.mark.parametrize(
        ("model", "action"),
        [
            ("apikey", "rotate_selected"),
            ("apikey", "revoke_selected"),
            ("clientapp", "rotate_selected"),
            ("clientapp", "revoke_selected"),
            ("accesstoken", "revoke_selected"),
        ],
    )
    @pytest.mark.parametrize("across", ["0", "1"])
    def test_skip_rows_of_other_organizations(self, limited, rows, model, action, across):
        own, foreign = rows
        url, before = (
            admin_url(model, "changelist"),
            serializers.serialize("json", [foreign[model]]),
        )
        values = {
            "action": action,
            "index": "0",
            "select_across": across,
            "_selected_action": [own[model].pk, foreign[model].pk],
        }
        response = limited.post(url, values)
        assert told(response, foreign) == []
        limited.post(url, {**values, **hidden_fields(response), "overlap": "compromised"})
        after = type(foreign[model])._base_manager.get(pk=foreign[model].pk)
        assert serializers.serialize("json", [after]) == before
        assert not LogEntry.objects.filter(object_id=foreign[model].pk).exists()

    def test_answer_for_others_as_for_none(self, limited, own, foreign):
        url = admin_url("apikey", "changelist")
        answers = [
            limited.post(
                url, {"action": "revoke_selected", "_selected_action": pk, "confirmed": "yes"}
            )
            for pk in (foreign["apikey"].pk, NOBODY)
        ]
        assert {(each.status_code, each.url) for each in answers} == {(302, url)}
        assert Credential.objects.get(pk=foreign["apikey"].pk).revoked_at is None


class TestIssue:
    """A user with every permission, whom only the limit to one organization stops."""

    def issue(self, operator, **values):
        return operator.send(admin_url("apikey", "add"), **{"name": "Mine", **values})

    def test_for_the_own_organization(self, limited, ours):
        self.issue(limited, organization=ours.pk)
        assert APIKey.objects.get().organization == ours

    @pytest.mark.parametrize("query", ["", "?by-id"])
    @pytest.mark.parametrize("model", ["apikey", "clientapp"])
    def test_for_another_is_refused_as_for_none(self, limited, rows, model, query):
        _own, foreign = rows
        count = Credential.objects.count()
        answers = [
            limited.send(admin_url(model, "add") + query, name="Mine", organization=pk)
            for pk in (foreign["organization"].pk, NOBODY)
        ]
        errors = [each.context["adminform"].form.errors for each in answers]
        assert errors[0] == errors[1]
        assert list(errors[0]) == ["organization"]
        assert [told(each, foreign) for each in answers] == [[], []]
        assert Credential.objects.count() == count

    @pytest.mark.parametrize("of", ["own", "foreign"])
    def test_on_behalf_of_a_user_is_refused_as_for_none(self, limited, own, foreign, request, of):
        rows, count = request.getfixturevalue(of), Credential.objects.count()
        answers = [
            self.issue(limited, organization=own["organization"].pk, owner=pk)
            for pk in (rows["owner"].pk, NOBODY)
        ]
        errors = [each.context["adminform"].form.errors for each in answers]
        assert errors[0] == errors[1]
        assert list(errors[0]) == ["owner"]
        assert [rows["owner"].username in each.text for each in answers] == [False, False]
        assert Credential.objects.count() == count

    def test_by_ids_names_nobody_to_who_may_not_speak_for_others(self, sign_in, foreign):
        """Also for users who are not limited: a raw id field would show the name."""
        operator = sign_in("view_apikey", "add_apikey")
        response = operator.send(admin_url("apikey", "add") + "?by-id", owner=foreign["owner"].pk)
        assert "owner" in response.context["adminform"].form.errors
        assert foreign["owner"].username not in response.text

    def test_offers_only_the_own_organizations(self, limited, own, foreign):
        response = limited.get(admin_url("apikey", "add"))
        assert told(response, foreign) == []
        assert own["organization"].name in response.text
        assert own["owner"].username not in response.text

    @pytest.mark.parametrize("registry", [{}, {"a": "A"}])
    def test_grants_nothing_of_all_organizations(
        self, limited, ours, token_exchange_settings, registry
    ):
        """Even with the permission, because the scope covers all organizations."""
        token_exchange_settings(SCOPES=registry)
        response = self.issue(limited, organization=ours.pk, scopes=[REVOCATIONS_SCOPE])
        assert list(response.context["adminform"].form.errors) == ["scopes"]
        assert not APIKey.objects.exists()

    @pytest.mark.parametrize("overlap", ["0", "compromised"])
    def test_rotates_no_key_that_reads_of_all_organizations(self, limited, ours, overlap):
        key = make_api_key(organization=ours, scopes=[REVOCATIONS_SCOPE]).credential
        url = credential_url(key, "rotate")
        assert url not in limited.get(credential_url(key, "change")).text
        assert limited.get(url).status_code == 403
        assert limited.post(url, {"version": "x", "overlap": overlap}).status_code == 403
        limited.choose(admin_url("apikey", "changelist"), "rotate_selected", key)
        assert APIKey.objects.get(pk=key.pk).secret_digest == key.secret_digest

    def test_revokes_any_key_of_the_own_organization(self, limited, own):
        url = credential_url(own["apikey"], "revoke")
        limited.post(url, {"confirmed": "yes", "reason": "Leaked"})
        assert APIKey.objects.get(pk=own["apikey"].pk).revoked_at is not None

    def test_never_moves_a_key(self, limited, own, foreign):
        """Also not for those who are not limited: a tenant's key is a tenant's key."""
        values = {"name": "Moved", "metadata": "", "organization": foreign["organization"].pk}
        values |= {"owner": foreign["owner"].pk, "subject_type": "user"}
        limited.post(credential_url(own["apikey"], "change"), values)
        key = APIKey.objects.get(pk=own["apikey"].pk)
        assert (key.name, key.organization_id, key.owner_id) == (
            "Moved",
            own["organization"].pk,
            own["owner"].pk,
        )

    def test_takes_no_form_of_a_key_in_another_organization(self, limited, own, foreign):
        """The form carries a sealed identifier, which the user cannot choose."""
        values = {"name": "x", "organization": own["organization"].pk}
        values["signed_identifier"] = foreign["apikey"].identifier
        response = limited.post(admin_url("apikey", "add"), values)
        assert told(response, foreign) == []
        assert not APIKey.objects.filter(name="x").exists()


class TestSigningKeys:
    """They are no organization's, and sign for all."""

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize(
        "name", ["changelist", "rotate", "add", "change", "delete", "history", "remove"]
    )
    def test_are_refused(self, limited, own, method, name):
        key = SigningKey.objects.get()
        obj = None if name in {"changelist", "rotate", "add"} else key
        before = everything()
        response = getattr(limited, method)(
            admin_url("signingkey", name, obj), {"confirmed": "yes"}
        )
        assert response.status_code in {302, 403}
        assert key.kid not in response.text
        assert everything() == before

    def test_are_not_on_the_index(self, limited, own):
        for url in (reverse("admin:index"), reverse("admin:app_list", args=["token_exchange"])):
            assert admin_url("signingkey", "changelist") not in limited.get(url).text


class TestOrganizations:
    def change(self, operator, organization, **values):
        data = {"name": "Renamed", "default_token_lifetime": "00:05:00", **values}
        operator.post(admin_url("organization", "change", organization), data)
        organization.refresh_from_db()

    def test_own_one_can_be_renamed(self, limited, ours):
        self.change(limited, ours)
        assert (ours.name, ours.default_token_lifetime) == ("Renamed", timedelta(minutes=5))

    def test_are_switched_on_and_off_by_others(self, limited, sign_in, ours):
        ours.is_active = False
        ours.max_token_lifetime = timedelta(minutes=10)
        ours.save()
        self.change(limited, ours, is_active="on", max_token_lifetime="20:00:00", slug="other")
        assert (ours.is_active, ours.max_token_lifetime, ours.slug) == (
            False,
            timedelta(minutes=10),
            "ours",
        )
        self.change(sign_in(is_superuser=True), ours, is_active="on", slug="other")
        assert (ours.is_active, ours.slug) == (True, "other")

    def test_are_neither_added_nor_deleted(self, limited, ours):
        before = everything()
        assert limited.get(admin_url("organization", "add")).status_code == 403
        values = {"name": "x", "slug": "x", "is_active": "on"}
        assert limited.post(admin_url("organization", "add"), values).status_code == 403
        response = limited.post(admin_url("organization", "delete", ours), {"post": "yes"})
        assert response.status_code == 403
        limited.post(
            admin_url("organization", "changelist"),
            {"action": "delete_selected", "_selected_action": ours.pk, "post": "yes"},
        )
        assert everything() == before

    def test_of_others_do_not_show_in_a_popup(self, limited, own, foreign):
        response = limited.get(
            admin_url("organization", "changelist"), {"_popup": 1, "_to_field": "id"}
        )
        assert own["organization"].name in response.text
        assert told(response, foreign) == []
        change = admin_url("organization", "change", foreign["organization"])
        assert limited.get(change, {"_popup": 1, "_to_field": "id"}).status_code == 302
