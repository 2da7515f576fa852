"""The dashboard's permissions, languages, accessibility and number of queries."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.dashboard import DASHBOARD, count, summary, table
from tests.support.admin_urls import credential_url
from tests.support.factories import (
    make_api_key,
    make_client_app,
    make_organization,
    make_tokens,
)
from token_exchange.admin import register
from token_exchange.admin.dashboard.model_admin import DashboardAdmin
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey, Credential, Dashboard, Organization

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
SECTIONS = ("reasons", "top", "expiring", "previous")


@pytest.fixture(autouse=True)
def _clock(settings):
    settings.TIME_ZONE = "UTC"
    with time_machine.travel("2030-06-03T12:30:00+00:00", tick=False):
        yield


def in_trouble(make=make_api_key, **values):
    """Make a credential that is in every list."""
    issued = make(expires_at=timezone.now() + 2 * 24 * HOUR, **values)
    credential = issued.credential
    credentials.rotate(credential, overlap=HOUR, act=Act(now=timezone.now()))
    Credential.objects.filter(pk=credential.pk).update(
        previous_secret_last_used_at=timezone.now(), previous_secret_last_used_from="10.0.0.7"
    )
    count(credential, "exchanged", 1234)
    count(credential, "wrong_secret", 1, hours_ago=2)
    make_tokens(None, credential=credential)
    return credential


class TestTenants:
    @pytest.fixture
    def limited(self, sign_in, token_exchange_settings):
        """Return who is limited to the organization of the slug "ours"."""
        token_exchange_settings(OPERATOR_ORGANIZATIONS="tests.admin.operators.by_role")
        operator = sign_in("view_hourlycount", "view_apikey", "view_clientapp", username="limited")
        operator.user.groups.create(name="ours")
        return operator

    @pytest.fixture
    def ours(self):
        return in_trouble(name="Ours", organization=make_organization(slug="ours"))

    @pytest.fixture
    def theirs(self):
        return in_trouble(name="Theirs", organization=make_organization(name="Them"))

    def test_keeps_to_the_organizations_of_the_user(self, limited, ours, theirs):
        count(None, "unknown", 7)
        response = limited.get(DASHBOARD)
        assert summary(response) == {
            "Exchanges": "1,235",
            "Success rate": "99.9 %",
            "Refused": "1",
            "Live tokens now": "1",
        }
        for each in (theirs.name, theirs.identifier, "Them", "unknown"):
            assert each not in response.text
        assert [len(table(response, name)) for name in SECTIONS] == [1, 1, 1, 1]

    def test_leads_to_no_other_by_the_address(self, limited, ours, theirs):
        response = limited.get(DASHBOARD, {"organization": theirs.organization_id})
        assert "No such organization." in response.text
        assert "Them" not in response.text
        assert summary(response)["Exchanges"] == "0"
        response = limited.get(DASHBOARD, {"credential": theirs.identifier})
        assert summary(response)["Exchanges"] == "0"
        assert theirs.name not in response.text
        assert limited.get(DASHBOARD, {"organization": ours.organization_id}).text.count("Ours")


class TestPermission:
    def test_to_see_the_counts_is_enough(self, sign_in):
        """Names are for those who may see the credentials."""
        credential = in_trouble(name="Hidden")
        response = sign_in("view_hourlycount").get(DASHBOARD)
        assert "Hidden" not in response.text
        assert [len(table(response, name)) for name in SECTIONS] == [1, 1, 0, 0]
        assert table(response, "top")[0][0] == credential.identifier

    def test_to_see_one_kind_shows_no_other(self, sign_in):
        in_trouble(name="A key")
        in_trouble(make_client_app, name="An app")
        text = sign_in("view_hourlycount", "view_clientapp").get(DASHBOARD).text
        assert ("A key" in text, "An app" in text) == (False, True)

    def test_to_rotate_is_needed_for_its_link(self, sign_in):
        url = credential_url(in_trouble(), "rotate")
        see = ("view_hourlycount", "view_apikey")
        assert url not in sign_in(*see).get(DASHBOARD).text
        assert url in sign_in(*see, "rotate_apikey").get(DASHBOARD).text

    def test_is_needed(self, sign_in):
        operator = sign_in("view_apikey")
        assert operator.get(DASHBOARD).status_code == 403
        assert DASHBOARD not in operator.get(reverse("admin:index")).text

    def test_nothing_is_posted(self, operator):
        response = operator.post(DASHBOARD)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")

    def test_the_rows_that_are_summed_up_have_no_pages(self, operator):
        names = {each.name for each in DashboardAdmin(Dashboard, admin.site).get_urls()}
        assert names == {"token_exchange_dashboard_changelist"}

    def test_the_organization_is_asked_by_id_from_who_cannot_search(self, sign_in):
        organization = in_trouble().organization
        operator = sign_in("view_hourlycount")
        response = operator.get(DASHBOARD, {"organization": organization.pk})
        field = f'<input type="text" name="organization" value="{organization.pk}"'
        assert field in response.text
        assert summary(response)["Exchanges"] == "1,235"


class TestOtherSites:
    def test_without_the_lists_name_nothing(self, operator, rf):
        in_trouble(name="Unlisted")
        site = admin.AdminSite()
        register(site)
        site.unregister([APIKey, Organization])
        request = rf.get("/", secure=True)
        request.user = operator.user
        response = site.get_model_admin(Dashboard).dashboard_view(request).render()
        assert "Unlisted" not in response.text
        assert '<input type="text" name="organization"' in response.text


class TestLinks:
    @pytest.mark.parametrize("where", ["index", "token_exchange_apikey_changelist"])
    def test_lead_to_it_from_everywhere(self, operator, where):
        assert f'href="{DASHBOARD}"' in operator.get(reverse(f"admin:{where}")).text


class TestLanguage:
    def test_hours_are_those_of_the_reader(self, operator, settings):
        settings.TIME_ZONE = "Asia/Kolkata"
        in_trouble()
        rows = table(operator.get(DASHBOARD), "exchanges")
        assert (rows[0][0], rows[-1][0]) == ("June 2, 2030, 6:30 p.m.", "June 3, 2030, 5:30 p.m.")
        assert rows[-1][1:] == ["1,234", "0", "1,234"]

    def test_numbers_are_too_and_coordinates_are_not(self, operator, settings):
        settings.LANGUAGE_CODE = "de"
        in_trouble()
        text = operator.get(DASHBOARD).text
        assert "<dd>1.235</dd>" in text
        assert "<dd>99,9 %</dd>" in text
        numbers = re.findall(r' (?:x|y|width|height|d)="([^"]*)"', text.partition("te-chart")[2])
        assert numbers
        assert [each for each in numbers if "," in each] == []

    def test_a_week_is_marked_by_its_days(self, operator):
        in_trouble()
        text = operator.get(DASHBOARD, {"period": "week"}).text
        assert re.findall(r"<span>(\w+ \d+)</span>", text)[:7] == [
            *("Mon 27", "Tue 28", "Wed 29", "Thu 30", "Fri 31", "Sat 1", "Sun 2")
        ]


class TestReading:
    def test_each_chart_has_a_title_a_description_and_a_table(self, operator):
        in_trouble()
        text = operator.get(DASHBOARD).text
        charts = re.findall(r"<figure.*?</figure>(.*?)</details>", text, re.DOTALL)
        assert [each.count("<tr>") for each in charts] == [25, 25]
        labelled = re.findall(r'<svg [^>]*role="img" aria-labelledby="(\S+) (\S+)"', text)
        assert len(labelled) == 2
        for title, description in labelled:
            assert f'<title id="{title}">' in text
            assert f'<desc id="{description}">' in text

    def test_a_table_says_what_the_chart_says(self, operator):
        in_trouble()
        assert table(operator.get(DASHBOARD), "rate")[-3:] == [
            ["June 3, 2030, 10 a.m.", "0.0 %"],
            ["June 3, 2030, 11 a.m.", "-"],
            ["June 3, 2030, noon", "100 %"],
        ]

    def test_nothing_asks_for_a_looser_content_security_policy(self, operator):
        in_trouble()
        content = operator.get(DASHBOARD).text.partition('id="content-main"')[2]
        assert re.findall(r"""\sstyle=|\son\w+=|<style|<script(?![^>]*src)""", content) == []

    @pytest.mark.parametrize("period", ["day", "week"])
    def test_names_are_escaped(self, operator, period):
        evil = "<script>alert(1)</script>"
        organization = make_organization(name=evil)
        in_trouble(name=f'"{evil}', organization=organization)
        query = {"period": period, "organization": organization.pk, "credential": ""}
        text = operator.get(DASHBOARD, query).text
        assert "&lt;script&gt;alert(1)" in text
        assert evil not in text
        assert evil not in operator.get(DASHBOARD, {"credential": evil, "period": evil}).text


class TestCost:
    def queries(self, operator, query):
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(DASHBOARD, query).status_code == 200
        return len(captured)

    def test_is_twelve_queries_at_most(self, operator, sign_in):
        key = in_trouble()
        for _ in range(3):
            in_trouble()
        several = ("view_hourlycount", "view_apikey", "rotate_apikey", "view_organization")
        asked = ({}, {"period": "week"}, {"organization": key.organization_id})
        asked += ({"credential": key.identifier, "organization": key.organization_id},)
        for user in (operator, sign_in(*several)):
            found = [self.queries(user, query) for query in asked]
            assert max(found) <= 12, found
        assert self.queries(operator, {}) == 8

    def test_does_not_grow_with_what_there_is(self, operator):
        in_trouble()
        before = self.queries(operator, {})
        for _ in range(5):
            in_trouble()
        assert self.queries(operator, {}) == before
