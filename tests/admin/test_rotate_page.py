"""Rotating credentials in the admin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from tests.admin.clients import secrets_of, works
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.authentication import authenticate_client_app
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey, ClientApp

pytestmark = pytest.mark.django_db

DAY = 86_400
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIST = admin_url("apikey", "changelist")


def choices(response):
    return response.context["form"].fields["overlap"].widget.widgets[0].choices


def choices_of(response):
    return [value for value, _label in choices(response)]


def labels_of(response):
    return [str(label) for _value, label in choices(response)]


class TestForm:
    def test_offers_overlaps_up_to_the_maximum_and_another(self, operator):
        response = operator.get(credential_url(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "3600", "86400", "604800", "custom"]
        assert response.context["form"]["overlap"].initial == timedelta(days=1)
        assert 'value="86400" ' in response.text
        assert "no-store" in response.headers["Cache-Control"]

    def test_says_until_when_each_lets_the_old_secret_work(self, operator):
        with time_machine.travel(NOW, tick=False):
            response = operator.get(credential_url(make_api_key().credential, "rotate"))
            day = date_format(timezone.localtime(NOW + timedelta(days=1)), "DATETIME_FORMAT")
        assert labels_of(response)[0] == "Stop immediately"
        assert labels_of(response)[2] == f"1 day (until {day})"

    def test_knows_the_settings(self, operator, token_exchange_settings):
        token_exchange_settings(DEFAULT_OVERLAP=90, MAX_OVERLAP=7200)
        response = operator.get(credential_url(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "90", "3600", "custom"]
        assert response.context["form"]["overlap"].initial == timedelta(seconds=90)
        assert "90 seconds (until" in response.text

    def test_links_to_the_rotation_of_a_leaked_secret(self, operator):
        credential = make_api_key().credential
        url = credential_url(credential, "rotate_compromised")
        assert f'href="{url}"' in operator.get(credential_url(credential, "rotate")).text

    def test_changes_nothing(self, operator):
        issued = make_api_key()
        operator.get(credential_url(issued.credential, "rotate"))
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_shows_when_a_previous_secret_was_used(
        self, operator, django_capture_on_commit_callbacks
    ):
        issued = make_api_key()
        with time_machine.travel(NOW, tick=False):
            credentials.rotate(issued.credential, act=Act(now=NOW))
            url = credential_url(issued.credential, "rotate")
            assert "Not used since the rotation" in operator.get(url).text
            with django_capture_on_commit_callbacks(execute=True):
                assert works(issued.raw_secret)
            text = operator.get(url).text
        issued.credential.refresh_from_db()
        assert issued.credential.previous_secret_last_used_at == NOW
        used_at = date_format(timezone.localtime(NOW), "DATETIME_FORMAT")
        assert (
            f'title="{used_at}">just now</time> <span class="te-aside">from 192.0.2.1</span>'
            in text
        )
        assert "A client is still using the old secret." in text
        assert credential_url(issued.credential, "end_overlap") in text

    def test_waits_while_a_previous_secret_lives(self, operator):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        response = operator.get(credential_url(issued.credential, "rotate"))
        assert 'name="overlap"' not in response.text
        assert "End the overlap before rotating again." in response.text
        assert credential_url(issued.credential, "rotate_compromised") in response.text
        digest = APIKey.objects.get().secret_digest
        operator.post(credential_url(issued.credential, "rotate"), {"version": "x", "overlap": "0"})
        assert APIKey.objects.get().secret_digest == digest

    def test_escapes_hostile_text(self, operator):
        name = "<script>alert(1)</script>"
        issued = make_api_key(name=name, organization=make_organization(name=name))
        text = operator.get(credential_url(issued.credential, "rotate")).text
        assert "<script>alert" not in text
        assert text.count("&lt;script&gt;alert(1)") == 5
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        text = operator.get(credential_url(issued.credential, "rotate")).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


class TestRotate:
    def test_shows_the_new_secret_and_lets_the_old_one_live_for_the_overlap(self, operator):
        issued = make_api_key()
        response = operator.send(credential_url(issued.credential, "rotate"), overlap="3600")
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"]
        (raw_key,) = secrets_of(response)
        assert raw_key in response.text
        assert (works(raw_key), works(issued.raw_secret)) == (True, True)
        assert not works(issued.raw_secret, after=timedelta(seconds=3601))

    def test_ends_the_old_secret_at_once(self, operator):
        issued = make_api_key()
        operator.send(credential_url(issued.credential, "rotate"), overlap="0")
        assert not works(issued.raw_secret)

    @pytest.mark.parametrize(
        ("number", "unit", "seconds"),
        [
            ("90", "seconds", 90),
            ("5", "minutes", 300),
            ("3", "hours", 10_800),
            ("30", "days", 30 * DAY),
        ],
    )
    def test_takes_another_overlap(self, operator, number, unit, seconds):
        issued = make_api_key()
        with time_machine.travel(NOW, tick=False):
            url = credential_url(issued.credential, "rotate")
            other = {"overlap": "custom", "overlap_number": number, "overlap_unit": unit}
            operator.send(url, **other)
        until = APIKey.objects.get().previous_secret_expires_at
        assert until == NOW + timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        ("number", "unit", "error"),
        [
            ("31", "days", "The maximum is 30 days."),
            ("999999999", "days", "The maximum is 30 days."),
            ("9999999999", "days", "Enter a whole number and choose a unit."),
            ("-1", "days", "Enter a whole number and choose a unit."),
            ("1.5", "days", "Enter a whole number and choose a unit."),
            ("", "days", "Enter a whole number and choose a unit."),
            ("\u0663", "days", "Enter a whole number and choose a unit."),
            ("1", "years", "Enter a whole number and choose a unit."),
        ],
    )
    def test_refuses_another_overlap_out_of_bounds(self, operator, number, unit, error):
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate")
        other = {"overlap": "custom", "overlap_number": number, "overlap_unit": unit}
        response = operator.send(url, **other)
        assert response.status_code == 400
        assert response.context["form"].errors == {"overlap": [error]}
        assert f'value="{number}"' in response.text or not number
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_refuses_a_preset_together_with_a_custom_overlap(self, operator):
        """Without JavaScript both can be filled in."""
        url = credential_url(make_api_key().credential, "rotate")
        response = operator.send(url, overlap="3600", overlap_number="5", overlap_unit="days")
        (error,) = response.context["form"].errors["overlap"]
        assert (
            error
            == "To use the custom value, choose the last option. Otherwise leave the value empty."
        )

    def test_of_a_client_app_repeats_the_client_id(self, operator):
        app = make_client_app().credential
        response = operator.send(credential_url(app, "rotate"), overlap="0")
        (client_secret,) = secrets_of(response)
        assert f">{app.identifier}</code>" in response.text
        authenticate_client_app(
            app.identifier, client_secret, address="192.0.2.1", now=timezone.now()
        )

    def test_enters_the_history_without_the_secret(self, operator):
        issued = make_api_key()
        response = operator.send(credential_url(issued.credential, "rotate"), overlap="3600")
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user) == (CHANGE, operator.user)
        assert entry.get_edited_object() == APIKey.objects.get()
        assert entry.change_message == "Rotated: 1 hour"
        kept = f"{entry.object_repr} {dict(operator.session)} {operator.cookies}"
        assert secrets_of(response)[0].rpartition(".")[2] not in kept
        assert not list(response.context["messages"])

    @pytest.mark.parametrize("overlap", ["", "7", "-1", "x"])
    def test_refuses_an_overlap_that_was_not_offered(self, operator, overlap):
        issued = make_api_key()
        response = operator.send(credential_url(issued.credential, "rotate"), overlap=overlap)
        assert response.status_code == 400
        assert response.context["form"].errors["overlap"]
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_shows_a_conflict_and_rotates_nothing(self, operator):
        """Somebody else rotates after this request has looked, and before it writes."""
        first, second = make_api_key(), make_api_key()
        rows = (first.credential, second.credential)
        values = hidden_fields(operator.choose(LIST, "rotate_selected", *rows))
        others = []

        def be_faster(execute, sql, params, many, context):
            if sql.startswith("UPDATE") and "secret_digest" in sql and not others:
                others.append(sql)
                key = APIKey.objects.get(pk=second.credential.pk)
                others.append(credentials.rotate(key, act=Act(now=timezone.now())))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(be_faster):
            response = operator.post(LIST, {**values, "overlap": "3600"})
        assert response.status_code == 409
        assert "Someone else changed this credential. Reload it and try again." in response.text
        assert works(first.raw_secret)
        assert (
            first.credential.secret_digest
            == APIKey.objects.get(pk=first.credential.pk).secret_digest
        )
        assert LogEntry.objects.count() == 0

    def test_refuses_an_overlap_that_has_become_too_long(self, operator, token_exchange_settings):
        """The choice is made from the settings of the moment."""
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate")
        values = hidden_fields(operator.get(url))
        token_exchange_settings(MAX_OVERLAP=60)
        operator.post(url, {**values, "overlap": "3600"})
        assert works(issued.raw_secret, after=timedelta(hours=2))


class TestReload:
    def test_neither_rotates_nor_shows_the_secret_again(self, operator):
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate")
        values = {**hidden_fields(operator.get(url)), "overlap": "0"}
        (raw_key,) = secrets_of(operator.post(url, values))
        response = operator.post(url, values)
        assert response.status_code == 409
        assert "This page is out of date, so nothing was changed." in response.text
        assert raw_key not in response.text
        assert works(raw_key)
        assert LogEntry.objects.count() == 1

    def test_the_page_that_says_so_has_a_fresh_form(self, operator):
        url = credential_url(make_api_key().credential, "rotate")
        values = {**hidden_fields(operator.get(url)), "overlap": "0"}
        operator.post(url, values)
        stale = operator.post(url, values)
        assert operator.post(url, {**hidden_fields(stale), "overlap": "0"}).status_code == 200

    @pytest.mark.parametrize("version", ["", "forged"])
    def test_a_forged_version_is_refused(self, operator, version):
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate")
        assert operator.post(url, {"version": version, "overlap": "0"}).status_code == 409
        assert works(issued.raw_secret)

    def test_another_credentials_form_is_refused(self, operator):
        issued, other = make_api_key(), make_api_key()
        values = hidden_fields(operator.get(credential_url(other.credential, "rotate")))
        response = operator.post(credential_url(issued.credential, "rotate"), values)
        assert response.status_code == 409
        assert works(issued.raw_secret)

    def test_another_users_form_is_refused(self, operator, sign_in):
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate")
        values = hidden_fields(sign_in(is_superuser=True).get(url))
        assert operator.post(url, {**values, "overlap": "0"}).status_code == 409
        assert works(issued.raw_secret)


class TestBulk:
    def test_asks_first(self, operator):
        first, second = make_api_key(), make_api_key()
        response = operator.choose(LIST, "rotate_selected", first.credential, second.credential)
        assert response.status_code == 200
        assert first.credential.identifier in response.text
        assert (works(first.raw_secret), works(second.raw_secret)) == (True, True)
        assert LogEntry.objects.count() == 0

    @pytest.mark.parametrize(
        "action", ["rotate_selected", "rotate_compromised_selected", "revoke_selected"]
    )
    def test_asks_by_as_many_queries_for_many_as_for_one(self, operator, action):
        rows = [make_api_key(owner=make_user()).credential for _ in range(6)]
        counts = set()
        operator.choose(LIST, action, rows[0])  # what is remembered from then on
        for chosen in (rows[:1], rows):
            with CaptureQueriesContext(connection) as queries:
                assert operator.choose(LIST, action, *chosen).status_code == 200
            counts.add(len(queries))
        assert len(counts) == 1

    def test_shows_each_new_secret(self, operator):
        first, second = make_api_key(), make_api_key()
        make_api_key()
        rows = (first.credential, second.credential)
        values = hidden_fields(operator.choose(LIST, "rotate_selected", *rows))
        response = operator.post(LIST, {**values, "overlap": "0"})
        assert "no-store" in response.headers["Cache-Control"]
        assert [works(raw_key) for raw_key in secrets_of(response)] == [True, True]
        assert (works(first.raw_secret), works(second.raw_secret)) == (False, False)
        assert LogEntry.objects.count() == 2

    def test_a_reload_rotates_nothing(self, operator):
        rows = (make_api_key().credential, make_api_key().credential)
        values = hidden_fields(operator.choose(LIST, "rotate_selected", *rows))
        raw_keys = secrets_of(operator.post(LIST, {**values, "overlap": "0"}))
        assert operator.post(LIST, {**values, "overlap": "0"}).status_code == 409
        assert [works(raw_key) for raw_key in raw_keys] == [True, True]

    def test_leaves_out_what_has_ended(self, operator):
        ended, alive = make_api_key(name="Ended").credential, make_api_key()
        credentials.revoke(ended, act=Act(now=timezone.now()))
        response = operator.choose(LIST, "rotate_selected", ended, alive.credential)
        assert "Not included, because they are already revoked or expired:" in response.text
        response = operator.post(LIST, {**hidden_fields(response), "overlap": "0"})
        assert len(secrets_of(response)) == 1
        assert not works(alive.raw_secret)

    def test_leaves_waiting_what_has_a_previous_secret(self, operator):
        waiting, ready = make_api_key(name="Waiting"), make_api_key()
        credentials.rotate(waiting.credential, act=Act(now=timezone.now()))
        response = operator.choose(LIST, "rotate_selected", waiting.credential, ready.credential)
        assert 'The previous secret of "Waiting" still works' in response.text
        assert credential_url(waiting.credential, "end_overlap") in response.text
        response = operator.post(LIST, {**hidden_fields(response), "overlap": "0"})
        assert len(secrets_of(response)) == 1
        assert (works(ready.raw_secret), works(waiting.raw_secret)) == (False, True)

    def test_of_nothing_but_ended_ones_says_so(self, operator):
        ended = make_api_key().credential
        credentials.revoke(ended, act=Act(now=timezone.now()))
        response = operator.choose(LIST, "rotate_selected", ended)
        assert response.url == LIST
        assert "A revoked or expired credential can&#x27;t be rotated" in operator.get(LIST).text

    def test_takes_no_more_than_a_hundred(self, operator):
        organization = make_organization()
        for _ in range(101):
            make_client_app(organization=organization)
        url = admin_url("clientapp", "changelist")
        response = operator.choose(url, "rotate_selected", *ClientApp.objects.all())
        assert response.url == url
        assert "Select at most 100 rows." in operator.get(url).text
