"""An operator gives credentials new secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.utils import timezone
from django.utils.formats import date_format

from tests.admin.clients import works
from tests.admin.conftest import hidden_fields
from tests.admin.pages import credential_page, page
from tests.factories import make_api_key, make_client_app, make_organization
from token_exchange import credentials
from token_exchange.models import APIKey, ClientApp

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIST = page("apikey", "changelist")


def secrets_of(response):
    return [shown.parts[-1][1] for shown in response.context["secrets"]]


def choices_of(response):
    return [value for value, _label in response.context["form"].fields["overlap"].choices]


class TestForm:
    def test_offers_overlaps_up_to_the_maximum_and_a_compromise(self, desk):
        response = desk.get(credential_page(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "3600", "86400", "604800", "compromised"]
        assert response.context["form"]["overlap"].initial == "86400"
        assert "no-store" in response.headers["Cache-Control"]

    def test_knows_the_settings(self, desk, token_exchange_settings):
        token_exchange_settings(DEFAULT_OVERLAP=90, MAX_OVERLAP=7200)
        response = desk.get(credential_page(make_api_key().credential, "rotate"))
        assert choices_of(response) == ["0", "90", "3600", "compromised"]
        assert response.context["form"]["overlap"].initial == "90"
        assert "90 seconds" in response.text

    def test_changes_nothing(self, desk):
        issued = make_api_key()
        desk.get(credential_page(issued.credential, "rotate"))
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_shows_when_a_previous_secret_was_used(self, desk, django_capture_on_commit_callbacks):
        issued = make_api_key()
        with time_machine.travel(NOW, tick=False):
            credentials.rotate(issued.credential, now=NOW)
            url = credential_page(issued.credential, "rotate")
            assert "Last used: not since the rotation" in desk.get(url).text
            with django_capture_on_commit_callbacks(execute=True):
                assert works(issued.raw_secret)
            text = desk.get(url).text
        issued.credential.refresh_from_db()
        assert issued.credential.previous_secret_last_used_at == NOW
        used_at = date_format(timezone.localtime(NOW), "DATETIME_FORMAT")
        assert f"Last used: {used_at}" in text
        assert credential_page(issued.credential, "end_overlap") in text

    def test_offers_only_a_compromise_while_a_previous_secret_lives(self, desk):
        issued = make_api_key()
        credentials.rotate(issued.credential, now=timezone.now())
        response = desk.get(credential_page(issued.credential, "rotate"))
        assert choices_of(response) == ["compromised"]
        assert response.context["form"]["overlap"].initial is None

    def test_makes_hostile_names_inert(self, desk):
        name = "<script>alert(1)</script>"
        issued = make_api_key(name=name, organization=make_organization(name=name))
        credentials.rotate(issued.credential, now=timezone.now())
        text = desk.get(credential_page(issued.credential, "rotate")).text
        assert "<script>alert" not in text
        assert text.count("&lt;script&gt;alert(1)") == 3


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

    def test_as_compromised_ends_both_secrets_and_all_tokens(self, desk):
        issued = make_api_key()
        second = credentials.rotate(issued.credential, now=timezone.now())
        desk.send(credential_page(issued.credential, "rotate"), overlap="compromised")
        assert (works(issued.raw_secret), works(second.raw_secret)) == (False, False)
        assert APIKey.objects.get().generation == 2

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
        assert response.context["form"].errors["overlap"]
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_refuses_what_the_verb_refuses(self, desk):
        """The previous secret of one of them lives, which only the verb looks at in bulk."""
        first, second = make_api_key(), make_api_key()
        rotated = credentials.rotate(second.credential, now=timezone.now())
        rows = (first.credential, second.credential)
        values = hidden_fields(desk.choose(LIST, "rotate_selected", *rows))
        response = desk.post(LIST, {**values, "overlap": "3600"})
        assert response.status_code == 409
        assert "The previous secret still works until" in response.text
        assert (works(first.raw_secret), works(rotated.raw_secret)) == (True, True)
        assert LogEntry.objects.count() == 0
        again = desk.post(LIST, {**hidden_fields(response), "overlap": "compromised"})
        assert len(secrets_of(again)) == 2

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
        credentials.revoke(ended, now=timezone.now())
        response = desk.choose(LIST, "rotate_selected", ended, alive.credential)
        assert "Left out, because they have ended already:" in response.text
        response = desk.post(LIST, {**hidden_fields(response), "overlap": "0"})
        assert len(secrets_of(response)) == 1
        assert not works(alive.raw_secret)

    def test_of_nothing_but_ended_ones_says_so(self, desk):
        ended = make_api_key().credential
        credentials.revoke(ended, now=timezone.now())
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
