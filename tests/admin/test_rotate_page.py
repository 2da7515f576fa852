"""An operator gives credentials new secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from tests.admin.clients import works
from tests.admin.conftest import hidden_fields
from tests.admin.pages import credential_page, page
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import APIKey, ClientApp

pytestmark = pytest.mark.django_db

DAY = 86_400
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIST = page("apikey", "changelist")


def secrets_of(response):
    return [shown.parts[-1][1] for shown in response.context["secrets"]]


def choices(response):
    return response.context["form"].fields["overlap"].widget.widgets[0].choices


def choices_of(response):
    return [value for value, _label in choices(response)]


def labels_of(response):
    return [str(label) for _value, label in choices(response)]


class TestForm:
    def test_offers_overlaps_up_to_the_maximum_and_another(self, desk):
        response = desk.get(credential_page(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "3600", "86400", "604800", "custom"]
        assert response.context["form"]["overlap"].initial == timedelta(days=1)
        assert 'value="86400" ' in response.text
        assert "no-store" in response.headers["Cache-Control"]

    def test_says_until_when_each_lets_the_old_secret_work(self, desk):
        with time_machine.travel(NOW, tick=False):
            response = desk.get(credential_page(make_api_key().credential, "rotate"))
            day = date_format(timezone.localtime(NOW + timedelta(days=1)), "DATETIME_FORMAT")
        assert labels_of(response)[0] == "not at all: it stops now"
        assert labels_of(response)[2] == f"1 day, until {day}"

    def test_knows_the_settings(self, desk, token_exchange_settings):
        token_exchange_settings(DEFAULT_OVERLAP=90, MAX_OVERLAP=7200)
        response = desk.get(credential_page(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "90", "3600", "custom"]
        assert response.context["form"]["overlap"].initial == timedelta(seconds=90)
        assert "90 seconds, until" in response.text

    def test_leads_to_the_way_for_a_secret_that_leaked(self, desk):
        credential = make_api_key().credential
        url = credential_page(credential, "compromise")
        assert f'href="{url}"' in desk.get(credential_page(credential, "rotate")).text

    def test_changes_nothing(self, desk):
        issued = make_api_key()
        desk.get(credential_page(issued.credential, "rotate"))
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_shows_when_a_previous_secret_was_used(self, desk, django_capture_on_commit_callbacks):
        issued = make_api_key()
        with time_machine.travel(NOW, tick=False):
            credentials.rotate(issued.credential, act=Act(now=NOW))
            url = credential_page(issued.credential, "rotate")
            assert "Last used: not since the rotation" in desk.get(url).text
            with django_capture_on_commit_callbacks(execute=True):
                assert works(issued.raw_secret)
            text = desk.get(url).text
        issued.credential.refresh_from_db()
        assert issued.credential.previous_secret_last_used_at == NOW
        used_at = date_format(timezone.localtime(NOW), "DATETIME_FORMAT")
        assert (
            f'title="{used_at}">just now</time> <span class="te-aside">from 192.0.2.1</span>'
            in text
        )
        assert "A client still has the old secret." in text
        assert credential_page(issued.credential, "end_overlap") in text

    def test_waits_while_a_previous_secret_lives(self, desk):
        issued = make_api_key()
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        response = desk.get(credential_page(issued.credential, "rotate"))
        assert 'name="overlap"' not in response.text
        assert "end the overlap first, and then rotate" in response.text
        assert credential_page(issued.credential, "compromise") in response.text
        digest = APIKey.objects.get().secret_digest
        desk.post(credential_page(issued.credential, "rotate"), {"version": "x", "overlap": "0"})
        assert APIKey.objects.get().secret_digest == digest

    def test_makes_hostile_names_inert(self, desk):
        name = "<script>alert(1)</script>"
        issued = make_api_key(name=name, organization=make_organization(name=name))
        text = desk.get(credential_page(issued.credential, "rotate")).text
        assert "<script>alert" not in text
        assert text.count("&lt;script&gt;alert(1)") == 2
        credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        text = desk.get(credential_page(issued.credential, "rotate")).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


class TestRotate:
    def test_shows_the_new_secret_and_lets_the_old_one_live_for_the_overlap(self, desk):
        issued = make_api_key()
        response = desk.send(credential_page(issued.credential, "rotate"), overlap="3600")
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"]
        (raw_key,) = secrets_of(response)
        assert raw_key in response.text
        assert (works(raw_key), works(issued.raw_secret)) == (True, True)
        assert not works(issued.raw_secret, after=timedelta(seconds=3601))

    def test_ends_the_old_secret_at_once(self, desk):
        issued = make_api_key()
        desk.send(credential_page(issued.credential, "rotate"), overlap="0")
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
    def test_takes_another_overlap(self, desk, number, unit, seconds):
        issued = make_api_key()
        with time_machine.travel(NOW, tick=False):
            url = credential_page(issued.credential, "rotate")
            other = {"overlap": "custom", "overlap_number": number, "overlap_unit": unit}
            desk.send(url, **other)
        until = APIKey.objects.get().previous_secret_expires_at
        assert until == NOW + timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        ("number", "unit", "error"),
        [
            ("31", "days", "The maximum is 30 days."),
            ("999999999", "days", "The maximum is 30 days."),
            ("9999999999", "days", "Enter a whole number, and choose its unit."),
            ("-1", "days", "Enter a whole number, and choose its unit."),
            ("1.5", "days", "Enter a whole number, and choose its unit."),
            ("", "days", "Enter a whole number, and choose its unit."),
            ("\u0663", "days", "Enter a whole number, and choose its unit."),
            ("1", "years", "Enter a whole number, and choose its unit."),
        ],
    )
    def test_refuses_another_overlap_out_of_bounds(self, desk, number, unit, error):
        issued = make_api_key()
        url = credential_page(issued.credential, "rotate")
        other = {"overlap": "custom", "overlap_number": number, "overlap_unit": unit}
        response = desk.send(url, **other)
        assert response.status_code == 400
        assert response.context["form"].errors == {"overlap": [error]}
        assert f'value="{number}"' in response.text or not number
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_does_not_guess_which_of_two_overlaps_was_meant(self, desk):
        """Without JavaScript both can be filled in."""
        url = credential_page(make_api_key().credential, "rotate")
        response = desk.send(url, overlap="3600", overlap_number="5", overlap_unit="days")
        (error,) = response.context["form"].errors["overlap"]
        assert error == "Choose the last of these for what you typed, or empty it."

    def test_of_a_client_app_repeats_the_client_id(self, desk):
        app = make_client_app().credential
        response = desk.send(credential_page(app, "rotate"), overlap="0")
        shown = dict(response.context["secrets"][0].parts)
        assert shown["client_id"] == app.identifier
        credentials.authenticate_client_app(
            app.identifier, shown["client_secret"], address="192.0.2.1", now=timezone.now()
        )

    def test_enters_the_history_without_the_secret(self, desk):
        issued = make_api_key()
        response = desk.send(credential_page(issued.credential, "rotate"), overlap="3600")
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user) == (CHANGE, desk.user)
        assert entry.get_edited_object() == APIKey.objects.get()
        assert entry.change_message == "Rotated: 1 hour"
        kept = f"{entry.object_repr} {dict(desk.session)} {desk.cookies}"
        assert secrets_of(response)[0].rpartition(".")[2] not in kept
        assert not list(response.context["messages"])

    @pytest.mark.parametrize("overlap", ["", "7", "-1", "x"])
    def test_refuses_an_overlap_that_was_not_offered(self, desk, overlap):
        issued = make_api_key()
        response = desk.send(credential_page(issued.credential, "rotate"), overlap=overlap)
        assert response.status_code == 400
        assert response.context["form"].errors["overlap"]
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_refuses_what_the_verb_refuses(self, desk):
        """Somebody else rotates after this request has looked, and before it writes."""
        first, second = make_api_key(), make_api_key()
        rows = (first.credential, second.credential)
        values = hidden_fields(desk.choose(LIST, "rotate_selected", *rows))
        others = []

        def be_faster(execute, sql, params, many, context):
            if sql.startswith("UPDATE") and "secret_digest" in sql and not others:
                others.append(sql)
                key = APIKey.objects.get(pk=second.credential.pk)
                others.append(credentials.rotate(key, act=Act(now=timezone.now())))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(be_faster):
            response = desk.post(LIST, {**values, "overlap": "3600"})
        assert response.status_code == 409
        assert "Someone else changed this credential. Reload it and try again." in response.text
        assert works(first.raw_secret)
        assert (
            first.credential.secret_digest
            == APIKey.objects.get(pk=first.credential.pk).secret_digest
        )
        assert LogEntry.objects.count() == 0

    def test_refuses_an_overlap_that_has_become_too_long(self, desk, token_exchange_settings):
        """The choice is made from the settings of the moment."""
        issued = make_api_key()
        url = credential_page(issued.credential, "rotate")
        values = hidden_fields(desk.get(url))
        token_exchange_settings(MAX_OVERLAP=60)
        desk.post(url, {**values, "overlap": "3600"})
        assert works(issued.raw_secret, after=timedelta(hours=2))


class TestReload:
    def test_neither_rotates_nor_shows_the_secret_again(self, desk):
        issued = make_api_key()
        url = credential_page(issued.credential, "rotate")
        values = {**hidden_fields(desk.get(url)), "overlap": "0"}
        (raw_key,) = secrets_of(desk.post(url, values))
        response = desk.post(url, values)
        assert response.status_code == 409
        assert "This page is out of date. Nothing was done now." in response.text
        assert raw_key not in response.text
        assert works(raw_key)
        assert LogEntry.objects.count() == 1

    def test_the_page_that_says_so_has_a_fresh_form(self, desk):
        url = credential_page(make_api_key().credential, "rotate")
        values = {**hidden_fields(desk.get(url)), "overlap": "0"}
        desk.post(url, values)
        stale = desk.post(url, values)
        assert desk.post(url, {**hidden_fields(stale), "overlap": "0"}).status_code == 200

    @pytest.mark.parametrize("version", ["", "forged"])
    def test_a_forged_version_is_refused(self, desk, version):
        issued = make_api_key()
        url = credential_page(issued.credential, "rotate")
        assert desk.post(url, {"version": version, "overlap": "0"}).status_code == 409
        assert works(issued.raw_secret)

    def test_another_credentials_form_is_refused(self, desk):
        issued, other = make_api_key(), make_api_key()
        values = hidden_fields(desk.get(credential_page(other.credential, "rotate")))
        response = desk.post(credential_page(issued.credential, "rotate"), values)
        assert response.status_code == 409
        assert works(issued.raw_secret)

    def test_another_users_form_is_refused(self, desk, sign_in):
        issued = make_api_key()
        url = credential_page(issued.credential, "rotate")
        values = hidden_fields(sign_in(is_superuser=True).get(url))
        assert desk.post(url, {**values, "overlap": "0"}).status_code == 409
        assert works(issued.raw_secret)


class TestBulk:
    def test_asks_first(self, desk):
        first, second = make_api_key(), make_api_key()
        response = desk.choose(LIST, "rotate_selected", first.credential, second.credential)
        assert response.status_code == 200
        assert first.credential.identifier in response.text
        assert (works(first.raw_secret), works(second.raw_secret)) == (True, True)
        assert LogEntry.objects.count() == 0

    @pytest.mark.parametrize(
        "action", ["rotate_selected", "compromise_selected", "revoke_selected"]
    )
    def test_asks_by_as_many_queries_for_many_as_for_one(self, desk, action):
        rows = [make_api_key(owner=make_user()).credential for _ in range(6)]
        counts = set()
        desk.choose(LIST, action, rows[0])  # what is remembered from then on
        for chosen in (rows[:1], rows):
            with CaptureQueriesContext(connection) as queries:
                assert desk.choose(LIST, action, *chosen).status_code == 200
            counts.add(len(queries))
        assert len(counts) == 1

    def test_shows_each_new_secret(self, desk):
        first, second = make_api_key(), make_api_key()
        make_api_key()
        rows = (first.credential, second.credential)
        values = hidden_fields(desk.choose(LIST, "rotate_selected", *rows))
        response = desk.post(LIST, {**values, "overlap": "0"})
        assert "no-store" in response.headers["Cache-Control"]
        assert [works(raw_key) for raw_key in secrets_of(response)] == [True, True]
        assert (works(first.raw_secret), works(second.raw_secret)) == (False, False)
        assert LogEntry.objects.count() == 2

    def test_a_reload_rotates_nothing(self, desk):
        rows = (make_api_key().credential, make_api_key().credential)
        values = hidden_fields(desk.choose(LIST, "rotate_selected", *rows))
        raw_keys = secrets_of(desk.post(LIST, {**values, "overlap": "0"}))
        assert desk.post(LIST, {**values, "overlap": "0"}).status_code == 409
        assert [works(raw_key) for raw_key in raw_keys] == [True, True]

    def test_leaves_out_what_has_ended(self, desk):
        ended, alive = make_api_key(name="Ended").credential, make_api_key()
        credentials.revoke(ended, act=Act(now=timezone.now()))
        response = desk.choose(LIST, "rotate_selected", ended, alive.credential)
        assert "Left out, because they have ended already:" in response.text
        response = desk.post(LIST, {**hidden_fields(response), "overlap": "0"})
        assert len(secrets_of(response)) == 1
        assert not works(alive.raw_secret)

    def test_leaves_waiting_what_has_a_previous_secret(self, desk):
        waiting, ready = make_api_key(name="Waiting"), make_api_key()
        credentials.rotate(waiting.credential, act=Act(now=timezone.now()))
        response = desk.choose(LIST, "rotate_selected", waiting.credential, ready.credential)
        assert "The previous secret of Waiting still works" in response.text
        assert credential_page(waiting.credential, "end_overlap") in response.text
        response = desk.post(LIST, {**hidden_fields(response), "overlap": "0"})
        assert len(secrets_of(response)) == 1
        assert (works(ready.raw_secret), works(waiting.raw_secret)) == (False, True)

    def test_of_nothing_but_ended_ones_says_so(self, desk):
        ended = make_api_key().credential
        credentials.revoke(ended, act=Act(now=timezone.now()))
        response = desk.choose(LIST, "rotate_selected", ended)
        assert response.url == LIST
        assert "A credential that has ended cannot be rotated" in desk.get(LIST).text

    def test_takes_no_more_than_a_hundred(self, desk):
        organization = make_organization()
        for _ in range(101):
            make_client_app(organization=organization)
        url = page("clientapp", "changelist")
        response = desk.choose(url, "rotate_selected", *ClientApp.objects.all())
        assert response.url == url
        assert "Select no more than 100 rows at once." in desk.get(url).text
