"""The preset fields of the issue form: token lifetime, expiry and owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_organization, make_user
from token_exchange.admin.preset_fields import PresetDateTimeField, duration_in_words
from token_exchange.models import APIKey

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADD_KEY = admin_url("apikey", "add")
ADD_APP = admin_url("clientapp", "add")


def field(response, name):
    return response.context["adminform"].form.fields[name]


def offered(response, name):
    return {value: str(label) for value, label in field(response, name).widget.widgets[0].choices}


def issue(operator, **values):
    organization = values.pop("organization", None) or make_organization()
    response = operator.send(ADD_KEY, name="Nightly", organization=organization.pk, **values)
    return response, APIKey.objects.first()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (28_800, "8 hours"),
        (86_400, "1 day"),
        (7_776_000, "90 days"),
    ],
)
def test_durations_are_written_in_the_largest_whole_unit(seconds, words):
    assert duration_in_words(timedelta(seconds=seconds)) == words


class TestLifetime:
    def test_offers_the_usual_and_says_what_is_otherwise(self, operator):
        assert offered(operator.get(ADD_KEY), "token_lifetime") == {
            "": "Organization default (otherwise 30 minutes)",
            "900": "15 minutes",
            "1800": "30 minutes",
            "3600": "1 hour",
            "28800": "8 hours",
            "86400": "1 day",
            "custom": "Another duration",
        }

    def test_of_a_client_app_is_another(self, operator):
        response = operator.get(ADD_APP)
        assert offered(response, "token_lifetime")[""].endswith("(otherwise 8 hours)")
        assert "are not reused" in response.text

    def test_does_not_offer_what_would_be_refused(self, operator, token_exchange_settings):
        token_exchange_settings(MAX_TOKEN_LIFETIME=3600, CLIENT_APP_TOKEN_LIFETIME=3600)
        found = offered(operator.get(ADD_KEY), "token_lifetime")
        assert list(found) == ["", "900", "1800", "3600", "custom"]

    def test_can_be_chosen(self, operator):
        _response, key = issue(operator, token_lifetime="900")
        assert key.token_lifetime == timedelta(minutes=15)

    def test_of_nothing_is_left_to_the_organization(self, operator):
        _response, key = issue(operator, token_lifetime="")
        assert key.token_lifetime is None

    def test_that_was_not_offered_is_refused(self, operator):
        response, key = issue(operator, token_lifetime="901")
        assert key is None
        assert "Choose one of the options." in response.text

    def test_over_the_maximum_of_the_organization_is_refused(self, operator):
        organization = make_organization(max_token_lifetime=timedelta(minutes=20))
        response, key = issue(operator, token_lifetime="1800", organization=organization)
        assert key is None
        assert "This organization&#x27;s maximum is 20 minutes." in response.text
        _response, key = issue(operator, token_lifetime="900", organization=organization)
        assert key.token_lifetime == timedelta(minutes=15)

    def test_that_was_over_it_already_does_not_stand_in_the_way(self, operator):
        organization = make_organization(max_token_lifetime=timedelta(minutes=20))
        key = make_api_key(organization=organization, token_lifetime=timedelta(hours=1)).credential
        url = credential_url(key, "change")
        operator.post(url, {"name": "Other", "token_lifetime": "3600"})
        assert APIKey.objects.get().name == "Other"
        response = operator.post(url, {"name": "Third", "token_lifetime": "28800"})
        assert "This organization&#x27;s maximum is 20 minutes." in response.text

    def test_that_is_no_preset_is_shown_as_number_and_unit(self, operator):
        key = make_api_key(token_lifetime=timedelta(minutes=7)).credential
        text = operator.get(credential_url(key, "change")).text
        assert '<option value="custom" selected>' in text
        assert '<input type="number" name="token_lifetime_number" value="7" min="1"' in text
        assert '<option value="minutes" selected>' in text


class TestExpiry:
    @pytest.fixture(autouse=True)
    def _today(self):
        with time_machine.travel(NOW, tick=False):
            yield

    def test_offers_the_usual_with_their_days_and_proposes_ninety(self, operator):
        response = operator.get(ADD_KEY)
        assert offered(response, "expires_at") == {
            "": "Never",
            "604800": "In 7 days (March 8, 2026)",
            "2592000": "In 30 days (March 31, 2026)",
            "7776000": "In 90 days (May 30, 2026)",
            "31536000": "In 365 days (March 1, 2027)",
            "custom": "Another date and time",
        }
        assert '<option value="7776000" selected>' in response.text

    def test_does_not_offer_what_would_be_refused(self, operator, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=60 * 86_400)
        response = operator.get(ADD_KEY)
        found = offered(response, "expires_at")
        assert list(found) == ["", "604800", "2592000", "custom"]
        assert found[""] == "Latest allowed (in 60 days)"
        assert '<option value="" selected>' in response.text

    def test_can_be_the_longest_that_is_allowed(self, operator, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=90 * 86_400)
        _response, key = issue(operator, expires_at="7776000")
        assert key.expires_at == NOW + timedelta(days=90)

    def test_of_nothing_is_the_longest_that_is_allowed(self, operator, token_exchange_settings):
        token_exchange_settings(MAX_KEY_LIFETIME=60 * 86_400)
        _response, key = issue(operator, expires_at="")
        assert key.expires_at == NOW + timedelta(days=60)

    def test_can_be_chosen(self, operator):
        _response, key = issue(operator, expires_at="2592000")
        assert key.expires_at == NOW + timedelta(days=30)

    def test_can_be_never(self, operator):
        _response, key = issue(operator, expires_at="")
        assert key.expires_at is None

    def test_is_written_in_the_readers_time_zone(self, operator):
        with timezone.override("Europe/Berlin"):
            _response, key = issue(operator, expires_at="custom", expires_at_at="2026-07-01T12:00")
            assert "Custom times are in Europe/Berlin." in operator.get(ADD_KEY).text
        assert key.expires_at == datetime(2026, 7, 1, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        "typed", ["", "soon", "2026-02-30T12:00", "9999-12-31T23:59", "\x00", "2026"]
    )
    def test_that_is_no_time_is_refused(self, operator, typed):
        response, key = issue(operator, expires_at="custom", expires_at_at=typed)
        assert key is None
        assert "Enter a date and time, for example 2030-12-31T18:00." in response.text

    def test_in_the_year_one_is_refused(self, operator):
        response, key = issue(operator, expires_at="custom", expires_at_at="0001-01-01T00:00")
        assert key is None
        assert "The expiry must be in the future." in response.text

    def test_keeps_what_was_typed(self, operator):
        response, _key = issue(operator, expires_at="custom", expires_at_at="soon")
        assert 'name="expires_at_at" value="soon"' in response.text
        assert '<option value="custom" selected>' in response.text

    def test_refuses_a_preset_together_with_a_custom_value(self, operator):
        response, key = issue(operator, expires_at="", expires_at_at="2030-01-01T00:00")
        assert key is None
        assert (
            "To use the custom value, choose the last option. Otherwise leave the value empty."
            in response.text
        )

    def test_cannot_be_removed_if_required(self, operator, token_exchange_settings):
        later = make_api_key(expires_at=NOW + timedelta(days=9)).credential
        never = make_api_key().credential
        token_exchange_settings(MAX_KEY_LIFETIME=60 * 86_400)
        assert "" not in offered(operator.get(credential_url(later, "change")), "expires_at")
        assert "" in offered(operator.get(credential_url(never, "change")), "expires_at")

    def test_of_a_field_that_nobody_sent_is_none(self):
        assert PresetDateTimeField([], none="never", required=False).clean(None) is None
        with pytest.raises(ValidationError):
            PresetDateTimeField([], none="never", required=True).clean(["", ""])


class TestOwner:
    def test_is_only_oneself_for_those_who_may_not_act_for_others(self, sign_in):
        make_user(username="somebody-else")
        operator = sign_in("add_apikey", "view_apikey")
        text = operator.get(ADD_KEY).text
        assert "somebody-else" not in text
        assert f'<option value="{operator.user.pk}">{operator.user.username}</option>' in text
        assert "None (organization key)" in text

    def test_can_be_oneself(self, sign_in):
        operator = sign_in("add_apikey", "view_apikey")
        _response, key = issue(operator, owner=operator.user.pk)
        assert key.owner == operator.user

    def test_cannot_be_another(self, sign_in):
        response, key = issue(sign_in("add_apikey", "view_apikey"), owner=make_user().pk)
        assert key is None
        assert list(response.context["adminform"].form.errors) == ["owner"]

    def test_can_be_another_for_those_who_may_act_for_others(self, sign_in):
        owner = make_user()
        _response, key = issue(sign_in("add_apikey", "impersonate_apikey"), owner=owner.pk)
        assert key.owner == owner
