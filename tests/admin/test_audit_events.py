"""The audit trail: list, links to targets, event pages, and that nothing changes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.events import LIST, NOW, detail, found, make_event
from tests.models.rows import stored
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.admin.base import audit_trail_url
from token_exchange.issuer import credentials, organizations, signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, SigningKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


class TestList:
    def test_shows_when_what_to_what_whose_who_where_from_and_why(self, operator, clock):
        organization = make_organization(name="Acme")
        key = make_api_key(organization=organization).credential
        by = make_user(username="operator")
        credentials.revoke(key, act=Act(now=NOW, by=by, origin="192.0.2.1", reason="Left"))
        text = operator.get(LIST).text
        row = text[text.index("Credential revoked", text.index("result_list")) :]
        row = row[: row.index("</tr>")]
        shown = (key.identifier, credential_url(key, "change"), "Acme")
        for each in (*shown, "operator", "192.0.2.1", "Left"):
            assert each in row
        assert "2026-01-31<br>06:00:00" in text  # by the time zone of the admin

    def test_begins_with_the_newest(self, operator):
        first, second = make_event(), make_event()
        assert found(operator)[:2] == [second, first]

    def test_shortens_long_ids(self, operator):
        make_event(target="sk_live.0123456789AB")
        assert ">sk_live.0123…89AB</code>" in operator.get(LIST).text

    def test_leaves_short_ones_whole(self, operator):
        make_event(target="sk_live.0123456789A", target_type="api_key")
        assert ">sk_live.0123456789A</code>" in operator.get(LIST).text

    def test_reads_each_table_once(self, operator, django_assert_max_num_queries):
        for number in range(10):
            key = make_api_key(organization=make_organization(name=f"Tenant {number}"))
            credentials.revoke(key.credential, act=Act(now=NOW, by=make_user()))
            make_client_app(by=make_user())
            tokens.revoke(make_token(), act=Act(now=NOW))
        signing_keys.rotate_signing_key(act=Act(now=timezone.now()))
        with django_assert_max_num_queries(12):
            response = operator.get(LIST)
        assert "Tenant 9" in response.text

    def test_of_nobody_from_nowhere_shows_a_dash(self, operator):
        make_event(target="sk_live.alone")
        text = operator.get(LIST).text
        row = text[text.index("sk_live.alone") :].split("</tr>")[0]
        assert '<span class="te-line">-</span>' in row

    def test_of_an_unknown_event_shows_its_name(self, operator):
        make_event(event="credential.sung_about")
        assert "credential.sung_about" in operator.get(LIST).text


class TestTargets:
    """What is still there and open to the user is linked."""

    @pytest.fixture
    def targets(self):
        key, app = make_api_key(), make_client_app()
        token = make_token(key)
        tokens.revoke(token, act=Act(now=NOW))
        organization = make_organization(name="Acme")
        organization.name = "Acme & Sons"
        organizations.edit(organization, act=Act(now=NOW))
        return {
            "apikey": key.credential,
            "clientapp": app.credential,
            "accesstoken": token,
            "signingkey": SigningKey.objects.get(),
            "organization": organization,
        }

    def test_are_linked(self, operator, targets):
        text = operator.get(LIST).text
        for model, row in targets.items():
            assert f'href="{admin_url(model, "change", row)}"' in text, model

    def test_are_linked_from_the_event_too(self, operator, targets):
        for event in AuditEvent.objects.all():
            models = {"api_key": "apikey", "client_app": "clientapp", "access_token": "accesstoken"}
            model = models.get(event.target_type, event.target_type.replace("_", ""))
            assert admin_url(model, "change", targets[model]) in detail(operator, event)

    @pytest.mark.parametrize(
        "model", ["apikey", "clientapp", "accesstoken", "signingkey", "organization"]
    )
    def test_are_linked_for_those_who_may_see_them(self, sign_in, targets, model):
        auditor = sign_in("view_auditevent", f"view_{model}")
        text = auditor.get(LIST).text
        linked = {name for name, row in targets.items() if admin_url(name, "change", row) in text}
        assert linked == {model}

    def test_that_are_gone_are_named(self, operator):
        make_event(target="sk_live.gone", organization="4711")
        text = operator.get(LIST).text
        assert "sk_live.gone" in text
        assert "4711" in text

    def test_of_tenants_that_were_another_model_are_named(self, operator):
        make_event(target_type="organization", target="acme", organization="acme")
        assert ">acme<" in operator.get(LIST).text

    def test_are_not_looked_for_on_a_site_that_does_not_show_them(self, rf, operator, targets):
        site = admin.AdminSite(name="other")
        site.register(AuditEvent, type(admin.site.get_model_admin(AuditEvent)))
        request = rf.get("/")
        request.user = operator.user
        changelist = site.get_model_admin(AuditEvent).get_changelist_instance(request)
        shown = [each.target_links.target(each) for each in changelist.result_list]
        assert [each for each in shown if "href" in each] == []
        assert any("Acme &amp; Sons" in each for each in shown)


class TestTrail:
    """Each object has a way to what happened to it."""

    @pytest.fixture
    def token(self):
        token = make_token()
        tokens.revoke(token, act=Act(now=NOW))
        return token

    @pytest.mark.parametrize("model", ["apikey", "accesstoken", "signingkey"])
    def test_lists_the_events_of_the_object(self, operator, token, model):
        key = SigningKey.objects.get()
        row = {"apikey": token.credential, "accesstoken": token, "signingkey": key}[model]
        name = {"apikey": "identifier", "accesstoken": "jti", "signingkey": "kid"}[model]
        url = f"{LIST}?q={getattr(row, name)}"
        assert (
            f'<a href="{url}">Audit trail</a>' in operator.get(admin_url(model, "change", row)).text
        )
        assert [each.target for each in operator.get(url).context["cl"].result_list] == [
            getattr(row, name)
        ]

    def test_is_not_for_those_who_may_not_see_it(self, sign_in, token):
        url = admin_url("accesstoken", "change", token)
        assert "Audit trail" not in sign_in("view_accesstoken").get(url).text

    def test_is_not_where_the_site_has_none(self, rf, operator, token):
        request = rf.get("/")
        request.user = operator.user
        assert audit_trail_url(admin.AdminSite(), request, token.jti) is None

    def test_of_an_event_there_is_none(self, operator):
        assert "Audit trail" not in detail(operator, make_event())


class TestDetail:
    def test_shows_an_edit_before_and_after(self, operator):
        key = stored(make_api_key(name="Nightly", scopes=["a", "b"]).credential)
        changes = {"scopes": ["a"], "name": "Weekly", "metadata": {"note": "hunter2"}}
        credentials.edit(key, changes, act=Act(now=NOW, by=operator.user, origin="192.0.2.1"))
        text = detail(operator, AuditEvent.objects.get(event="credential.changed"))
        row = '<tr><th scope="row"><code>{}</code></th><td>{}</td><td>{}</td></tr>'
        assert row.format("scopes", "a b", "a") in text
        assert row.format("name", "Nightly", "Weekly") in text
        assert row.format("metadata", "Not recorded", "Not recorded") in text
        assert "hunter2" not in text

    def test_shows_values(self, operator):
        event = make_event(
            details={"yes": True, "no": False, "none": None, "list": ["a", "b"], "number": 5}
        )
        text = detail(operator, event)
        row = '<tr><th scope="row"><code>{}</code></th><td>{}</td></tr>'
        for name, value in [
            ("yes", "Yes"),
            ("no", "No"),
            ("none", "-"),
            ("list", "a b"),
            ("number", "5"),
        ]:
            assert row.format(name, value) in text

    def test_shows_the_time_with_its_zone(self, operator):
        event = make_event(occurred_at=NOW + timedelta(microseconds=42))
        assert "2026-01-31 06:00:00.000042 CST" in detail(operator, event)

    def test_shows_the_whole_id(self, operator):
        assert ">sk_live.0123456789AB</code>" in detail(operator, make_event())

    def test_of_nothing_more_shows_no_table(self, operator):
        assert "te-scroll" not in detail(operator, make_event())

    def test_has_no_button_and_no_history(self, operator):
        text = detail(operator, make_event())
        assert 'name="_save"' not in text
        assert "/history/" not in text
        assert "/delete/" not in text


class TestReadOnly:
    """Nobody adds, changes or deletes, also no superuser."""

    def test_by_any_page(self, operator):
        event = make_event()
        before = list(AuditEvent.objects.values())
        for name in ("change", "delete"):
            url = admin_url("auditevent", name, event)
            assert operator.post(url, {"post": "yes", "reason": "x"}).status_code == 403
        assert operator.get(admin_url("auditevent", "add")).status_code == 403
        assert operator.post(admin_url("auditevent", "add"), {"event": "x"}).status_code == 403
        assert list(AuditEvent.objects.values()) == before

    def test_by_the_bulk_action_of_django(self, operator):
        event = make_event()
        operator.choose(LIST, "delete_selected", event)
        assert AuditEvent.objects.filter(pk=event.pk).exists()

    @pytest.mark.parametrize("name", ["changelist", "export"])
    def test_and_nobody_looks_without_permission(self, sign_in, name):
        everything_else = Permission.objects.filter(content_type__app_label="token_exchange")
        codenames = set(everything_else.values_list("codename", flat=True)) - {"view_auditevent"}
        url = LIST if name == "changelist" else f"{LIST}export/json/"
        assert sign_in(*codenames).get(url).status_code == 403
