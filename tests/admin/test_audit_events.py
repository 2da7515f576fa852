"""Operators look up what happened, and can change none of it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import Desk
from tests.admin.pages import credential_page, page
from tests.admin.tenants import marks
from tests.factories import make_api_key, make_client_app, make_organization, make_user
from tests.models.rows import stored
from token_exchange import credentials, exchange, organizations, signing
from token_exchange.admin.audit_targets import trail_url
from token_exchange.audit_export import FIELDS
from token_exchange.models import AuditEvent, SigningKey

pytestmark = pytest.mark.django_db

LIST = "/admin/token_exchange/auditevent/"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOSTILE = "<script>alert('x')</script>\"'"


def make_event(**values):
    """Write an event as nothing that happened."""
    defaults = {"occurred_at": NOW, "event": "credential.revoked", "target_type": "api_key"}
    return AuditEvent.objects.create(**{**defaults, "target": "sk_live.0123456789AB", **values})


def found(desk, **query):
    """Return the events of a list, the newest first."""
    return list(desk.get(LIST, query).context["cl"].result_list)


def detail(desk, event):
    return desk.get(page("auditevent", "change", event)).text


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


class TestList:
    def test_shows_when_what_to_what_whose_who_where_from_and_why(self, desk, clock):
        organization = make_organization(name="Acme")
        key = make_api_key(organization=organization).credential
        by = make_user(username="operator")
        credentials.revoke(key, now=NOW, by=by, origin="192.0.2.1", reason="Left")
        text = desk.get(LIST).text
        row = text[text.index("credential revoked", text.index("result_list")) :]
        row = row[: row.index("</tr>")]
        shown = (key.identifier, credential_page(key, "change"), "Acme")
        for each in (*shown, "operator", "192.0.2.1", "Left"):
            assert each in row
        assert "2026-01-31<br>06:00:00" in text  # by the time zone of the admin

    def test_begins_with_the_newest(self, desk):
        first, second = make_event(), make_event()
        assert found(desk)[:2] == [second, first]

    def test_shortens_long_ids(self, desk):
        make_event(target="sk_live.0123456789AB")
        assert ">sk_live.0123…89AB</code>" in desk.get(LIST).text

    def test_leaves_short_ones_whole(self, desk):
        make_event(target="sk_live.0123456789A", target_type="api_key")
        assert ">sk_live.0123456789A</code>" in desk.get(LIST).text

    def test_reads_each_table_once(self, desk, django_assert_max_num_queries):
        for number in range(10):
            key = make_api_key(organization=make_organization(name=f"Tenant {number}"))
            credentials.revoke(key.credential, now=NOW, by=make_user())
            make_client_app(by=make_user())
            exchange.revoke_access_token(make_token(), now=NOW)
        signing.rotate_signing_key(now=timezone.now())
        with django_assert_max_num_queries(12):
            response = desk.get(LIST)
        assert "Tenant 9" in response.text

    def test_of_nobody_from_nowhere_shows_a_dash(self, desk):
        make_event(target="sk_live.alone")
        text = desk.get(LIST).text
        row = text[text.index("sk_live.alone") :].split("</tr>")[0]
        assert '<span class="te-line">-</span>' in row

    def test_of_an_unknown_event_shows_its_name(self, desk):
        make_event(event="credential.sung_about")
        assert "credential.sung_about" in desk.get(LIST).text


class TestTargets:
    """What is still there and open to the user is linked."""

    @pytest.fixture
    def targets(self):
        key, app = make_api_key(), make_client_app()
        token = make_token(key)
        exchange.revoke_access_token(token, now=NOW)
        organization = make_organization(name="Acme")
        organization.name = "Acme & Sons"
        organizations.change(organization, now=NOW)
        return {
            "apikey": key.credential,
            "clientapp": app.credential,
            "accesstoken": token,
            "signingkey": SigningKey.objects.get(),
            "organization": organization,
        }

    def test_are_linked(self, desk, targets):
        text = desk.get(LIST).text
        for model, row in targets.items():
            assert f'href="{page(model, "change", row)}"' in text, model

    def test_are_linked_from_the_event_too(self, desk, targets):
        for event in AuditEvent.objects.all():
            models = {"api_key": "apikey", "client_app": "clientapp", "access_token": "accesstoken"}
            model = models.get(event.target_type, event.target_type.replace("_", ""))
            assert page(model, "change", targets[model]) in detail(desk, event)

    @pytest.mark.parametrize(
        "model", ["apikey", "clientapp", "accesstoken", "signingkey", "organization"]
    )
    def test_are_linked_for_those_who_may_see_them(self, sign_in, targets, model):
        auditor = sign_in("view_auditevent", f"view_{model}")
        text = auditor.get(LIST).text
        linked = {name for name, row in targets.items() if page(name, "change", row) in text}
        assert linked == {model}

    def test_that_are_gone_are_named(self, desk):
        make_event(target="sk_live.gone", organization="4711")
        text = desk.get(LIST).text
        assert "sk_live.gone" in text
        assert "4711" in text

    def test_of_tenants_that_were_another_model_are_named(self, desk):
        make_event(target_type="organization", target="acme", organization="acme")
        assert ">acme<" in desk.get(LIST).text

    def test_are_not_looked_for_on_a_site_that_does_not_show_them(self, rf, desk, targets):
        site = admin.AdminSite(name="other")
        site.register(AuditEvent, type(admin.site.get_model_admin(AuditEvent)))
        request = rf.get("/")
        request.user = desk.user
        changelist = site.get_model_admin(AuditEvent).get_changelist_instance(request)
        shown = [each.whereabouts.target(each) for each in changelist.result_list]
        assert [each for each in shown if "href" in each] == []
        assert any("Acme &amp; Sons" in each for each in shown)


class TestTrail:
    """Each object has a way to what happened to it."""

    @pytest.fixture
    def token(self):
        token = make_token()
        exchange.revoke_access_token(token, now=NOW)
        return token

    @pytest.mark.parametrize("model", ["apikey", "accesstoken", "signingkey"])
    def test_lists_the_events_of_the_object(self, desk, token, model):
        key = SigningKey.objects.get()
        row = {"apikey": token.credential, "accesstoken": token, "signingkey": key}[model]
        name = {"apikey": "identifier", "accesstoken": "jti", "signingkey": "kid"}[model]
        url = f"{LIST}?q={getattr(row, name)}"
        assert f'<a href="{url}">Audit trail</a>' in desk.get(page(model, "change", row)).text
        assert [each.target for each in desk.get(url).context["cl"].result_list] == [
            getattr(row, name)
        ]

    def test_is_not_for_those_who_may_not_see_it(self, sign_in, token):
        url = page("accesstoken", "change", token)
        assert "Audit trail" not in sign_in("view_accesstoken").get(url).text

    def test_is_not_where_the_site_has_none(self, rf, desk, token):
        request = rf.get("/")
        request.user = desk.user
        assert trail_url(admin.AdminSite(), request, token.jti) is None

    def test_of_an_event_there_is_none(self, desk):
        assert "Audit trail" not in detail(desk, make_event())


class TestDetail:
    def test_shows_an_edit_before_and_after(self, desk):
        key = stored(make_api_key(name="Nightly", scopes=["a", "b"]).credential)
        key.scopes, key.name, key.metadata = ["a"], "Weekly", {"note": "hunter2"}
        credentials.change(key, now=NOW, by=desk.user, origin="192.0.2.1")
        text = detail(desk, AuditEvent.objects.get(event="credential.changed"))
        row = '<tr><th scope="row"><code>{}</code></th><td>{}</td><td>{}</td></tr>'
        assert row.format("scopes", "a b", "a") in text
        assert row.format("name", "Nightly", "Weekly") in text
        assert row.format("metadata", "not recorded", "not recorded") in text
        assert "hunter2" not in text

    def test_shows_values(self, desk):
        event = make_event(
            details={"yes": True, "no": False, "none": None, "list": ["a", "b"], "number": 5}
        )
        text = detail(desk, event)
        row = '<tr><th scope="row"><code>{}</code></th><td>{}</td></tr>'
        for name, value in [
            ("yes", "yes"),
            ("no", "no"),
            ("none", "-"),
            ("list", "a b"),
            ("number", "5"),
        ]:
            assert row.format(name, value) in text

    def test_shows_the_time_with_its_zone(self, desk):
        event = make_event(occurred_at=NOW + timedelta(microseconds=42))
        assert "2026-01-31 06:00:00.000042 CST" in detail(desk, event)

    def test_shows_the_whole_id(self, desk):
        assert ">sk_live.0123456789AB</code>" in detail(desk, make_event())

    def test_of_nothing_more_shows_no_table(self, desk):
        assert "te-scroll" not in detail(desk, make_event())

    def test_has_no_button_and_no_history(self, desk):
        text = detail(desk, make_event())
        assert 'name="_save"' not in text
        assert "/history/" not in text
        assert "/delete/" not in text


class TestNothingChanges:
    """Nobody adds, changes or deletes, also no superuser."""

    def test_by_any_page(self, desk):
        event = make_event()
        before = list(AuditEvent.objects.values())
        for name in ("change", "delete"):
            url = page("auditevent", name, event)
            assert desk.post(url, {"post": "yes", "reason": "x"}).status_code == 403
        assert desk.get(page("auditevent", "add")).status_code == 403
        assert desk.post(page("auditevent", "add"), {"event": "x"}).status_code == 403
        assert list(AuditEvent.objects.values()) == before

    def test_by_the_bulk_action_of_django(self, desk):
        event = make_event()
        desk.choose(LIST, "delete_selected", event)
        assert AuditEvent.objects.filter(pk=event.pk).exists()

    @pytest.mark.parametrize("name", ["changelist", "export"])
    def test_and_nobody_looks_without_permission(self, sign_in, name):
        everything_else = Permission.objects.filter(content_type__app_label="token_exchange")
        codenames = set(everything_else.values_list("codename", flat=True)) - {"view_auditevent"}
        url = LIST if name == "changelist" else f"{LIST}export/json/"
        assert sign_in(*codenames).get(url).status_code == 403


class TestFilters:
    def test_by_event(self, desk):
        make_event()
        event = make_event(event="token.revoked")
        assert found(desk, event="token.revoked") == [event]

    def test_by_target_type(self, desk):
        make_event()
        event = make_event(target_type="access_token")
        assert found(desk, target_type="access_token") == [event]

    def test_by_organization(self, desk):
        make_event()
        organization = make_organization(name="Acme")
        event = make_event(organization=str(organization.pk))
        assert found(desk, organization=organization.pk) == [event]

    @pytest.mark.parametrize("path", ["", "export/json/"])
    def test_by_organization_that_is_gone(self, desk, path):
        make_event()
        event = make_event(organization="4711")
        response = desk.get(f"{LIST}{path}", {"organization": "4711"})
        if path:
            assert [each["id"] for each in json.loads(response.getvalue())] == [event.pk]
        else:
            assert list(response.context["cl"].result_list) == [event]

    def test_by_user_and_by_none(self, desk):
        his, nobodys = make_event(actor="operator"), make_event(actor="")
        assert found(desk, actor="operator") == [his]
        assert found(desk, actor="")[0] == nobodys
        assert his not in found(desk, actor="")

    def test_offer_those_who_did_most_of_late_and_the_chosen_one(self, desk, monkeypatch):
        monkeypatch.setattr("token_exchange.admin.audit_filters.ACTOR_LIMIT", 2)
        for name in ("a", "b", "b", "c", "c", ""):
            make_event(actor=name)
        offered = {
            title
            for spec in desk.get(LIST, {"actor": "z"}).context["cl"].filter_specs
            if spec.parameter_name == "actor"
            for _value, title in spec.lookup_choices
        }
        assert offered == {"b", "c", "z", "no user"}

    @pytest.mark.parametrize(
        ("query", "ages"),
        [
            ({"time": "today"}, [0]),
            ({"time": "7d"}, [0, 1, 6]),
            ({"time": "30d"}, [0, 1, 6, 8]),
            ({"from": "2026-01-30"}, [0, 1]),
            ({"to": "2026-01-24"}, [8, 31]),
            ({"from": "2026-01-24", "to": "2026-01-30"}, [1, 6]),
            ({"from": "2026-01-25", "to": "2026-01-25"}, [6]),
            ({"time": "7d", "to": "2026-01-25"}, [6]),
            ({"from": "", "to": "", "time": ""}, [0, 1, 6, 8, 31]),
        ],
    )
    def test_by_time(self, desk, clock, query, ages):
        for age in (31, 8, 6, 1, 0):
            make_event(occurred_at=NOW - age * DAY, target="sk_live.aged")
        ours = [each for each in found(desk, **query) if each.target == "sk_live.aged"]
        assert [(NOW - each.occurred_at).days for each in ours] == ages

    def test_by_time_put_in_the_order_of_time(self, desk, clock):
        newer = make_event(occurred_at=NOW)
        older = make_event(occurred_at=NOW - timedelta(hours=1))
        assert found(desk, time="7d")[-2:] == [newer, older]
        assert found(desk)[:2] == [older, newer]

    def test_by_two_days_keep_the_others(self, desk):
        url = f"{LIST}?event=token.revoked&q=operator&from=2026-01-01&to=2026-01-02&p=1"
        text = desk.get(url).text
        form = text[text.index('class="te-period"') :].split("</form>")[0]
        for name, value in (("event", "token.revoked"), ("q", "operator")):
            assert f'<input type="hidden" name="{name}" value="{value}">' in form
        assert form.count('type="hidden"') == 2
        assert 'name="from" value="2026-01-01"' in form
        assert 'name="to" value="2026-01-02"' in form

    def test_lead_from_one_to_the_other(self, desk):
        make_event()
        text = desk.get(f"{LIST}?event=credential.revoked&from=2026-01-01").text
        assert 'href="?event=credential.revoked&amp;time=7d"' in text
        assert 'href="?event=credential.revoked"' in text

    @pytest.mark.parametrize(
        "query",
        [
            {"event": "nonsense"},
            {"target_type": "nonsense"},
            {"organization": "nonsense"},
            {"actor": "\0"},
            {"time": "nonsense"},
            {"from": "nonsense"},
            {"from": "2026-02-30"},
            {"to": "9999-12-31"},
        ],
    )
    @pytest.mark.parametrize("path", ["", "export/json/", "export/csv/"])
    def test_refuse_nonsense(self, desk, query, path):
        response = desk.get(f"{LIST}{path}", query)
        assert (response.status_code, response.url.endswith("?e=1")) == (302, True)

    @pytest.mark.parametrize("path", ["", "export/json/"])
    def test_ask_for_no_other_field(self, desk, path):
        assert desk.get(f"{LIST}{path}", {"reason__startswith": "x"}).status_code == 400


class TestSearch:
    @pytest.mark.parametrize("term", ["sk_live.wanted", " sk_live.wanted ", "Ada Lovelace"])
    def test_finds_the_whole_of_a_target_or_a_user(self, desk, term):
        make_event(actor="Ada")
        event = make_event(target="sk_live.wanted", actor="Ada Lovelace")
        assert found(desk, q=term) == [event]

    @pytest.mark.parametrize("term", ["sk_live", "wanted", "Ada", "\0"])
    def test_finds_no_part(self, desk, term):
        make_event(target="sk_live.wanted", actor="Ada Lovelace")
        assert all(each.target != "sk_live.wanted" or term == "\0" for each in found(desk, q=term))

    def test_for_nothing_finds_all(self, desk):
        assert len(found(desk, q="  ")) == AuditEvent.objects.count()


class TestHostileTexts:
    def test_are_inert(self, desk):
        organization = make_organization(name=HOSTILE)
        key = make_api_key(name=HOSTILE, organization=organization, scopes=["a"]).credential
        key = stored(key)
        key.name = f"{HOSTILE} 2"
        by = make_user(username=HOSTILE)
        credentials.change(key, now=NOW, by=by, origin=HOSTILE)
        credentials.revoke(key, now=NOW, by=by, origin=HOSTILE, reason=HOSTILE)
        make_event(target=HOSTILE, event=HOSTILE[:40], details={HOSTILE: [HOSTILE]})
        for text in (
            desk.get(LIST).text,
            desk.get(LIST, {"q": HOSTILE, "actor": HOSTILE, "from": "2026-01-01"}).text,
            *(detail(desk, each) for each in AuditEvent.objects.all()),
        ):
            assert "<script>alert" not in text
            assert "alert(" in text or "credential issued" in text or "signing" in text


class TestSecrets:
    def test_are_nowhere(self, desk):
        issued = make_api_key(scopes=["a"])
        rotated = credentials.rotate(issued.credential, now=timezone.now(), by=desk.user)
        texts = [desk.get(LIST).text, *(detail(desk, each) for each in AuditEvent.objects.all())]
        for secret in (issued.raw_secret, rotated.raw_secret):
            assert not any(secret[-49:] in text for text in texts)
        assert not any(rotated.credential.secret_digest in text for text in texts)


class TestLimitedOperators:
    """An operator of one organization sees its events, and exports them, and no others."""

    @pytest.mark.parametrize("path", ["", "export/json/", "export/csv/"])
    @pytest.mark.parametrize(
        "query", [{}, {"time": "today"}, {"actor": ""}, {"event": "credential.issued"}]
    )
    def test_find_their_own(self, limited, own, foreign, path, query):
        response = limited.get(f"{LIST}{path}", query)
        text = response.getvalue().decode() if path else response.text
        assert own["apikey"].identifier in text
        assert [mark for mark in marks(foreign) if mark in text] == []
        assert SigningKey.objects.get().kid not in text

    @pytest.mark.parametrize("path", ["", "export/json/", "export/csv/"])
    def test_find_no_others_by_filter_or_search(self, limited, own, foreign, path):
        kid = SigningKey.objects.get().kid
        organization = foreign["organization"]
        asked = [{"q": mark} for mark in (*marks(foreign), kid)]
        asked += [{"organization": organization.pk}, {"target_type": "signing_key"}]
        asked += [{"actor": foreign["owner"].username}]
        for query in asked:
            response = limited.get(f"{LIST}{path}", query)
            shown = response.getvalue() if path else response.context["cl"].result_list
            assert shown in ([], b"[]\n", f"{','.join(FIELDS)}\r\n".encode()), query

    def test_open_no_other_event(self, limited, own, foreign):
        events = AuditEvent.objects.exclude(organization=str(own["organization"].pk))
        assert len(events) >= 3
        for event in events:
            assert limited.get(page("auditevent", "change", event)).status_code == 302

    def test_are_offered_no_foreign_user_to_filter_by(self, limited, own, foreign):
        assert foreign["owner"].username not in limited.get(LIST).text


class TestExport:
    @pytest.fixture
    def events(self):
        organization = make_organization(name="Acme")
        values = {"organization": str(organization.pk), "actor": "operator", "actor_id": "7"}
        return [
            make_event(origin="192.0.2.1", reason="Left", details={"a": [1, None]}, **values),
            make_event(event="token.revoked", target_type="access_token", **values),
        ]

    def test_as_json_is_all_of_what_is_filtered(self, desk, events):
        response = desk.get(f"{LIST}export/json/", {"actor": "operator"})
        assert json.loads(response.getvalue()) == [
            {
                "id": events[0].pk,
                "occurred_at": "2026-01-31T12:00:00+00:00",
                "event": "credential.revoked",
                "target_type": "api_key",
                "target": "sk_live.0123456789AB",
                "organization": events[0].organization,
                "actor_id": "7",
                "actor": "operator",
                "origin": "192.0.2.1",
                "reason": "Left",
                "details": {"a": [1, None]},
            },
            {
                "id": events[1].pk,
                "occurred_at": "2026-01-31T12:00:00+00:00",
                "event": "token.revoked",
                "target_type": "access_token",
                "target": "sk_live.0123456789AB",
                "organization": events[1].organization,
                "actor_id": "7",
                "actor": "operator",
                "origin": "",
                "reason": "",
                "details": {},
            },
        ]

    def test_as_csv_is_the_same(self, desk, events):
        found = [
            desk.get(f"{LIST}export/{each}/", {"actor": "operator"}).getvalue().decode()
            for each in ("csv", "json")
        ]
        rows = list(csv.DictReader(io.StringIO(found[0], newline="")))
        expected = json.loads(found[1])
        parsed = ({"id": int(row["id"]), "details": json.loads(row["details"])} for row in rows)
        assert [{**row, **each} for row, each in zip(rows, parsed, strict=True)] == expected

    @pytest.mark.parametrize(
        ("file_format", "content_type"),
        [("json", "application/json"), ("csv", "text/csv; charset=utf-8")],
    )
    def test_is_a_download_that_nobody_keeps(self, desk, file_format, content_type):
        response = desk.get(f"{LIST}export/{file_format}/")
        assert response.streaming
        assert response.headers["Content-Type"] == content_type
        name = f'attachment; filename="audit.{file_format}"'
        assert response.headers["Content-Disposition"] == name
        assert "no-store" in response.headers["Cache-Control"]

    def test_is_linked_from_the_list_with_its_filters(self, desk):
        text = desk.get(f"{LIST}?actor=operator&p=1").text
        assert f'href="{LIST}export/json/?actor=operator"' in text
        assert f'href="{LIST}export/csv/?actor=operator"' in text
        assert f'href="{LIST}export/csv/"' in desk.get(LIST).text

    def test_goes_past_what_the_list_counts(self, desk):
        AuditEvent.objects.bulk_create(
            AuditEvent(occurred_at=NOW, event="token.revoked", target="x", target_type="api_key")
            for _ in range(2500)
        )
        response = desk.get(f"{LIST}export/json/", {"event": "token.revoked"})
        pks = [each["id"] for each in json.loads(response.getvalue())]
        assert len(set(pks)) == 2500
        assert pks == sorted(pks)

    def test_knows_no_other_format(self, desk):
        assert desk.get(f"{LIST}export/xml/").status_code == 404

    def test_sends_strangers_to_the_login(self):
        assert Desk().get(f"{LIST}export/json/").url.startswith("/admin/login/")

    def test_has_no_secret(self, desk):
        issued = make_api_key(scopes=["a"])
        rotated = credentials.rotate(issued.credential, now=timezone.now(), by=desk.user)
        for file_format in ("json", "csv"):
            text = desk.get(f"{LIST}export/{file_format}/").getvalue().decode()
            assert issued.credential.identifier in text
            assert issued.raw_secret[-49:] not in text
            assert rotated.raw_secret[-49:] not in text
            assert rotated.credential.secret_digest not in text
