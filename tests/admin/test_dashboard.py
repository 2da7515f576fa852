"""The numbers and tables of the dashboard."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from tests.admin.dashboard import DASHBOARD, count, summary, table
from tests.support.admin_urls import credential_url
from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key, make_client_app, make_tokens
from token_exchange.admin.dashboard import queries
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange.observability import exchange_counts

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _clock(settings):
    settings.TIME_ZONE = "UTC"
    with time_machine.travel("2030-06-03T12:30:00+00:00", tick=False):
        yield


@pytest.fixture
def key():
    return make_api_key(name="Nightly").credential


@pytest.fixture
def other():
    return make_client_app(name="Billing").credential


class TestTotals:
    def test_of_nothing_say_so(self, operator):
        response = operator.get(DASHBOARD)
        assert summary(response) == {
            "Exchanges": "0",
            "Success rate": "-",
            "Refused": "0",
            "Live tokens now": "0",
        }
        assert "No exchanges in this period." in response.text
        assert "te-chart" not in response.text

    def test_are_of_all_organizations_and_of_nobody(self, operator, key, other):
        count(key, "exchanged", 1000)
        count(key, "wrong_secret", 1)
        count(other, "reused", 200, hours_ago=5)
        count(None, "unknown", 4)
        assert summary(operator.get(DASHBOARD)) == {
            "Exchanges": "1,205",
            "Success rate": "99.5 %",
            "Refused": "5",
            "Live tokens now": "0",
        }

    @pytest.mark.parametrize(
        ("refused", "rate"), [(0, "100 %"), (1, "99.9 %"), (9_999, "50.0 %"), (990_000, "0.9 %")]
    )
    def test_never_call_all_what_is_not(self, operator, key, refused, rate):
        count(key, "exchanged", 9_999)
        count(key, "wrong_secret", refused)
        assert summary(operator.get(DASHBOARD))["Success rate"] == rate

    def test_are_of_a_day_or_of_a_week(self, operator, key):
        for hours_ago in (0, 23, 24, 167, 168):
            count(key, "exchanged", 1, hours_ago=hours_ago)
        asked = ("", "?period=day", "?period=week", "?period=year")
        found = [summary(operator.get(DASHBOARD + each))["Exchanges"] for each in asked]
        assert found == ["2", "2", "4", "2"]

    def test_have_what_this_process_has_just_counted(self, operator, key, transactional_db):
        """In a transaction of the request it could not be written."""
        exchange_counts.count(
            "exchanged",
            now=timezone.now().timestamp(),
            organization_id=key.organization_id,
            identifier=key.identifier,
        )
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        try:
            assert summary(operator.get(DASHBOARD))["Exchanges"] == "1"
        finally:
            connection.settings_dict["ATOMIC_REQUESTS"] = False


class TestReasons:
    def test_are_told_in_words_the_most_frequent_first(self, operator, key):
        count(key, "wrong_secret", 2)
        count(None, "unknown", 30)
        count(None, "of_tomorrow", 2)
        assert table(operator.get(DASHBOARD), "reasons") == [
            ["No credential has this identifier", "unknown", "30"],
            ["Of tomorrow", "of_tomorrow", "2"],
            ["Wrong secret", "wrong_secret", "2"],
        ]

    def test_are_none_where_all_went_well(self, operator, key):
        count(key, "exchanged", 2)
        assert "No exchange was refused in this period." in operator.get(DASHBOARD).text


class TestTopCredentials:
    def test_are_those_with_the_most_exchanges(self, operator, key, other):
        count(key, "exchanged", 3)
        count(other, "reused", 1, hours_ago=1)
        count(other, "exchanged", 2)
        count(other, "rate_auth_token", 1)
        assert table(operator.get(DASHBOARD), "top") == [
            [f"Billing {other.identifier}", "4", "1", "75.0 %"],
            [f"Nightly {key.identifier}", "3", "0", "100 %"],
        ]

    def test_are_ten(self, operator):
        for number in range(12):
            count(make_api_key().credential, "exchanged", number + 1)
        assert [row[1] for row in table(operator.get(DASHBOARD), "top")] == [
            str(number) for number in range(12, 2, -1)
        ]

    def test_lead_to_their_pages_and_to_their_figures(self, operator, key):
        count(key, "exchanged", 3)
        text = operator.get(DASHBOARD + "?period=week").text
        assert f'<a href="{credential_url(key, "change")}">Nightly</a>' in text
        assert f'<a href="?period=week&amp;credential={key.identifier}"' in text

    def test_that_are_gone_have_no_name(self, operator, key):
        count(key, "exchanged", 3)
        Credential.objects.filter(pk=key.pk).delete()
        assert table(operator.get(DASHBOARD), "top") == [[key.identifier, "3", "0", "100 %"]]


class TestSelection:
    def test_of_an_organization(self, operator, key, other):
        count(key, "exchanged", 3)
        count(other, "exchanged", 4)
        count(None, "unknown", 5)
        response = operator.get(DASHBOARD, {"organization": key.organization_id, "period": "week"})
        assert summary(response)["Exchanges"] == "3"
        assert [row[1] for row in table(response, "top")] == ["3"]
        assert f"?period=day&amp;organization={key.organization_id}" in response.text
        assert f"selected>{key.organization}" in response.text

    def test_of_a_credential(self, operator, key):
        sibling = make_api_key(organization=key.organization).credential
        count(key, "exchanged", 3)
        count(key, "wrong_secret", 1)
        count(sibling, "exchanged", 4)
        make_tokens(None, None, credential=key)
        make_tokens(None, credential=sibling)
        response = operator.get(DASHBOARD, {"credential": f" {key.identifier} "})
        assert summary(response) == {
            "Exchanges": "4",
            "Success rate": "75.0 %",
            "Refused": "1",
            "Live tokens now": "2",
        }
        assert 'id="te-top"' not in response.text

    def test_of_a_credential_in_another_organization_is_empty(self, operator, key, other):
        count(key, "exchanged", 3)
        values = {"credential": key.identifier, "organization": other.organization_id}
        assert summary(operator.get(DASHBOARD, values))["Exchanges"] == "0"

    @pytest.mark.parametrize("organization", ["0", "x", "' OR 1=1", "\x00"])
    def test_of_an_organization_that_does_not_exist_says_so(self, operator, key, organization):
        count(key, "exchanged", 3)
        response = operator.get(DASHBOARD, {"organization": organization})
        assert response.status_code == 200
        assert response.context["form"].errors.keys() == {"organization"}
        assert 'class="errorlist"' in response.text
        assert summary(response)["Exchanges"] == "0"

    def test_of_a_credential_that_is_too_long_says_so(self, operator, key):
        count(key, "exchanged", 3)
        response = operator.get(DASHBOARD, {"credential": "id." * 22, "organization": 1})
        assert "at most 64 characters" in response.text
        assert summary(response)["Exchanges"] == "0"

    def test_is_not_of_a_secret(self, operator):
        issued = make_api_key()
        response = operator.get(DASHBOARD, {"credential": issued.raw_secret})
        assert (response.status_code, response.url) == (302, DASHBOARD)
        text = operator.get(response.url).text
        assert "That looks like a secret." in text
        assert issued.raw_secret not in text


class TestTokens:
    def test_are_counted_if_they_work_now(self, operator, key, other):
        make_tokens(None, None, timezone.now(), credential=key)
        make_tokens(None, credential=other)
        credentials.revoke(other, act=Act(now=timezone.now()))
        assert summary(operator.get(DASHBOARD))["Live tokens now"] == "2"
        values = {"organization": other.organization_id}
        assert summary(operator.get(DASHBOARD, values))["Live tokens now"] == "0"

    def test_are_counted_no_further_than_to_a_limit(self, operator, key, monkeypatch):
        monkeypatch.setattr(queries, "TOKEN_LIMIT", 3)
        make_tokens(None, None, None, credential=key)
        assert summary(operator.get(DASHBOARD))["Live tokens now"] == "3"
        make_tokens(None, None, credential=key)
        assert summary(operator.get(DASHBOARD))["Live tokens now"] == "more than 3"


class TestExpiring:
    def test_are_shown_the_next_first(self, operator):
        now = timezone.now()
        for days in (9, 2, 300):
            make_api_key(name=f"In {days}", expires_at=now + timedelta(days=days))
        make_api_key(name="Never")
        rows = table(operator.get(DASHBOARD), "expiring")
        assert [(row[0].split(" sk")[0], row[1]) for row in rows] == [
            ("In 2", "June 5, 2030"),
            ("In 9", "June 12, 2030"),
        ]

    def test_are_ten_and_link_to_all(self, operator):
        more = "See all expiring API keys"
        for number in range(11):
            assert more not in operator.get(DASHBOARD).text
            make_api_key(expires_at=timezone.now() + timedelta(days=1, minutes=number))
        response = operator.get(DASHBOARD)
        assert len(table(response, "expiring")) == 10
        assert more in response.text


class TestPreviousSecrets:
    @pytest.fixture
    def rotate(self):
        def rotate(overlap, *, is_used=True, **values):
            issued = make_api_key(**values)
            credentials.rotate(issued.credential, overlap=overlap, act=Act(now=timezone.now()))
            if is_used:
                authenticate_api_key(
                    issued.raw_secret, address="10.0.0.7", now=timezone.now() - 3 * HOUR / 60
                )
            return issued.credential

        return rotate

    def test_in_use_are_shown_with_their_use_and_what_to_do(
        self, operator, rotate, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            late, soon = rotate(5 * HOUR, name="Late"), rotate(HOUR, name="Soon")
            rotate(HOUR, name="Unused", is_used=False)
        response = operator.get(DASHBOARD)
        used = "3 minutes ago from 10.0.0.7"
        assert table(response, "previous") == [
            [f"Soon {soon.identifier}", used, "June 3, 2030, 1:30 p.m.", "End or rotate"],
            [f"Late {late.identifier}", used, "June 3, 2030, 5:30 p.m.", "End or rotate"],
        ]
        assert f'<a href="{credential_url(soon, "rotate")}"' in response.text

    def test_are_ten_and_link_to_all(self, operator, rotate, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            for _ in range(11):
                rotate(HOUR)
        response = operator.get(DASHBOARD)
        assert len(table(response, "previous")) == 10
        assert "See all rotating API keys" in response.text
