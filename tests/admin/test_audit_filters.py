"""Filters and search of the audit trail, also for limited operators."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.admin.events import DAY, HOSTILE, LIST, NOW, detail, found, make_event
from tests.admin.tenant_rows import marks
from tests.models.rows import stored
from tests.support.admin_urls import admin_url
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, SigningKey
from token_exchange.observability.audit_export import FIELDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


class TestFilters:
    def test_by_event(self, operator):
        make_event()
        event = make_event(event="token.revoked")
        assert found(operator, event="token.revoked") == [event]

    def test_by_target_type(self, operator):
        make_event()
        event = make_event(target_type="access_token")
        assert found(operator, target_type="access_token") == [event]

    def test_by_organization(self, operator):
        make_event()
        organization = make_organization(name="Acme")
        event = make_event(organization=str(organization.pk))
        assert found(operator, organization=organization.pk) == [event]

    @pytest.mark.parametrize("path", ["", "export/json/"])
    def test_by_organization_that_is_gone(self, operator, path):
        make_event()
        event = make_event(organization="4711")
        response = operator.get(f"{LIST}{path}", {"organization": "4711"})
        if path:
            assert [each["id"] for each in json.loads(response.getvalue())] == [event.pk]
        else:
            assert list(response.context["cl"].result_list) == [event]

    def test_by_user_and_by_none(self, operator):
        theirs, unowned = make_event(actor="operator"), make_event(actor="")
        assert found(operator, actor="operator") == [theirs]
        assert found(operator, actor="")[0] == unowned
        assert theirs not in found(operator, actor="")

    def test_offer_those_who_did_most_of_late_and_the_chosen_one(self, operator, monkeypatch):
        monkeypatch.setattr("token_exchange.admin.audit.filters.ACTOR_LIMIT", 2)
        for name in ("a", "b", "b", "c", "c", ""):
            make_event(actor=name)
        offered = {
            title
            for spec in operator.get(LIST, {"actor": "z"}).context["cl"].filter_specs
            if spec.parameter_name == "actor"
            for _value, title in spec.lookup_choices
        }
        assert offered == {"b", "c", "z", "No user"}

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
    def test_by_time(self, operator, clock, query, ages):
        for age in (31, 8, 6, 1, 0):
            make_event(occurred_at=NOW - age * DAY, target="sk_live.aged")
        ours = [each for each in found(operator, **query) if each.target == "sk_live.aged"]
        assert [(NOW - each.occurred_at).days for each in ours] == ages

    def test_by_time_put_in_the_order_of_time(self, operator, clock):
        newer = make_event(occurred_at=NOW)
        older = make_event(occurred_at=NOW - timedelta(hours=1))
        assert found(operator, time="7d")[-2:] == [newer, older]
        assert found(operator)[:2] == [older, newer]

    def test_by_two_days_keep_the_others(self, operator):
        url = f"{LIST}?event=token.revoked&q=operator&from=2026-01-01&to=2026-01-02&p=1"
        text = operator.get(url).text
        form = text[text.index('class="te-period"') :].split("</form>")[0]
        for name, value in (("event", "token.revoked"), ("q", "operator")):
            assert f'<input type="hidden" name="{name}" value="{value}">' in form
        assert form.count('type="hidden"') == 2
        assert 'name="from" value="2026-01-01"' in form
        assert 'name="to" value="2026-01-02"' in form

    def test_lead_from_one_to_the_other(self, operator):
        make_event()
        text = operator.get(f"{LIST}?event=credential.revoked&from=2026-01-01").text
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
    def test_refuse_nonsense(self, operator, query, path):
        response = operator.get(f"{LIST}{path}", query)
        assert (response.status_code, response.url.endswith("?e=1")) == (302, True)

    @pytest.mark.parametrize("path", ["", "export/json/"])
    def test_ask_for_no_other_field(self, operator, path):
        assert operator.get(f"{LIST}{path}", {"reason__startswith": "x"}).status_code == 400


class TestSearch:
    @pytest.mark.parametrize("term", ["sk_live.wanted", " sk_live.wanted ", "Ada Lovelace"])
    def test_finds_the_whole_of_a_target_or_a_user(self, operator, term):
        make_event(actor="Ada")
        event = make_event(target="sk_live.wanted", actor="Ada Lovelace")
        assert found(operator, q=term) == [event]

    @pytest.mark.parametrize("term", ["sk_live", "wanted", "Ada", "\0"])
    def test_finds_no_part(self, operator, term):
        make_event(target="sk_live.wanted", actor="Ada Lovelace")
        assert all(
            each.target != "sk_live.wanted" or term == "\0" for each in found(operator, q=term)
        )

    def test_for_nothing_finds_all(self, operator):
        assert len(found(operator, q="  ")) == AuditEvent.objects.count()


class TestHostileTexts:
    def test_are_escaped(self, operator):
        organization = make_organization(name=HOSTILE)
        key = make_api_key(name=HOSTILE, organization=organization, scopes=["a"]).credential
        key = stored(key)
        by = make_user(username=HOSTILE)
        credentials.edit(key, {"name": f"{HOSTILE} 2"}, act=Act(now=NOW, by=by, origin=HOSTILE))
        credentials.revoke(key, act=Act(now=NOW, by=by, origin=HOSTILE, reason=HOSTILE))
        make_event(target=HOSTILE, event=HOSTILE[:40], details={HOSTILE: [HOSTILE]})
        for text in (
            operator.get(LIST).text,
            operator.get(LIST, {"q": HOSTILE, "actor": HOSTILE, "from": "2026-01-01"}).text,
            *(detail(operator, each) for each in AuditEvent.objects.all()),
        ):
            assert "<script>alert" not in text
            assert "alert(" in text or "credential issued" in text or "signing" in text


class TestSecrets:
    def test_are_nowhere(self, operator):
        issued = make_api_key(scopes=["a"])
        rotated = credentials.rotate(
            issued.credential, act=Act(now=timezone.now(), by=operator.user)
        )
        texts = [
            operator.get(LIST).text,
            *(detail(operator, each) for each in AuditEvent.objects.all()),
        ]
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
            assert limited.get(admin_url("auditevent", "change", event)).status_code == 302

    def test_are_offered_no_foreign_user_to_filter_by(self, limited, own, foreign):
        assert foreign["owner"].username not in limited.get(LIST).text
