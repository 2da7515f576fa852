"""Rotating a leaked secret in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.clients import make_token, secrets_of, works
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey, AuditEvent, ClientApp

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")


class TestPage:
    def test_says_what_will_stop_and_changes_nothing(self, operator):
        issued = make_api_key(name="Leaky")
        make_token(issued)
        make_token(issued)
        response = operator.get(credential_url(issued.credential, "rotate_compromised"))
        assert "Live tokens: 2." in response.text
        assert "They can no longer be exchanged for tokens" in response.text
        assert issued.credential.identifier in response.text
        assert "no-store" in response.headers["Cache-Control"]
        assert works(issued.raw_secret)
        assert LogEntry.objects.count() == 0

    def test_is_behind_a_button_of_its_own_that_warns(self, operator):
        credential = make_api_key().credential
        text = operator.get(credential_url(credential, "change")).text
        url = credential_url(credential, "rotate_compromised")
        assert f'<a href="{url}" class="te-danger">Rotate: leaked…</a>' in text

    def test_is_not_reached_from_the_form_of_a_planned_rotation(self, operator):
        issued = make_api_key()
        second = credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        operator.post(credential_url(issued.credential, "rotate"), {"overlap": "compromised"})
        other = make_api_key()
        operator.send(credential_url(other.credential, "rotate"), overlap="compromised")
        assert [works(each.raw_secret) for each in (issued, second, other)] == [True] * 3

    def test_does_not_take_the_form_of_a_planned_rotation(self, operator):
        issued = make_api_key()
        values = hidden_fields(operator.get(credential_url(issued.credential, "rotate")))
        response = operator.post(credential_url(issued.credential, "rotate_compromised"), values)
        assert response.status_code == 409
        assert works(issued.raw_secret)


class TestRotateCompromised:
    def test_ends_both_secrets_and_all_tokens_and_shows_a_new_secret(self, operator):
        issued = make_api_key(scopes=["a"])
        token = make_token(issued)
        second = credentials.rotate(issued.credential, act=Act(now=timezone.now()))
        response = operator.send(credential_url(issued.credential, "rotate_compromised"))
        (raw_key,) = secrets_of(response)
        assert "no-store" in response.headers["Cache-Control"]
        assert [works(each.raw_secret) for each in (issued, second)] == [False, False]
        assert works(raw_key)
        assert not AccessToken.objects.live(now=timezone.now()).filter(pk=token.pk).exists()

    def test_of_a_client_app(self, operator):
        app = make_client_app().credential
        operator.send(credential_url(app, "rotate_compromised"))
        assert ClientApp.objects.get().generation == 2

    def test_enters_the_history_and_the_audit_trail(self, operator):
        issued = make_api_key()
        response = operator.send(credential_url(issued.credential, "rotate_compromised"))
        entry = LogEntry.objects.get()
        assert (entry.user, entry.change_message) == (operator.user, "Rotated as compromised.")
        event = AuditEvent.objects.filter(event=AuditEvent.Event.CREDENTIAL_COMPROMISED).get()
        assert (event.target, event.origin) == (issued.credential.identifier, "127.0.0.1")
        kept = f"{entry.object_repr} {dict(operator.session)} {operator.cookies} {event.details}"
        assert secrets_of(response)[0].rpartition(".")[2] not in kept

    def test_a_reload_does_nothing(self, operator):
        issued = make_api_key()
        url = credential_url(issued.credential, "rotate_compromised")
        values = hidden_fields(operator.get(url))
        (raw_key,) = secrets_of(operator.post(url, values))
        response = operator.post(url, values)
        assert response.status_code == 409
        assert "This page is out of date, so nothing was changed." in response.text
        assert raw_key not in response.text
        assert works(raw_key)
        assert LogEntry.objects.count() == 1

    def test_takes_several(self, operator):
        leaked = [make_api_key() for _ in range(2)]
        ended = make_api_key(name="Ended").credential
        credentials.revoke(ended, act=Act(now=timezone.now()))
        rows = [*(each.credential for each in leaked), ended]
        response = operator.choose(LIST, "rotate_compromised_selected", *rows)
        assert response.context["skipped"] == [ended]
        response = operator.post(LIST, hidden_fields(response))
        assert len(secrets_of(response)) == 2
        assert [works(each.raw_secret) for each in leaked] == [False, False]
        assert APIKey.objects.filter(generation=2, revoked_at=None).count() == 2

    def test_of_what_has_ended_says_so(self, operator):
        ended = make_api_key().credential
        credentials.revoke(ended, act=Act(now=timezone.now()))
        response = operator.get(credential_url(ended, "rotate_compromised"))
        assert (
            "A revoked or expired credential can&#x27;t be rotated"
            in operator.get(response.url).text
        )
