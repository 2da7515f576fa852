"""Revoking credentials and access tokens in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.utils import timezone

from tests.admin.clients import make_token
from tests.admin.conftest import hidden_fields
from tests.support.admin_urls import admin_url, credential_url
from tests.support.factories import make_api_key, make_client_app
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, APIKey, ClientApp

pytestmark = pytest.mark.django_db

LIST = admin_url("apikey", "changelist")
TOKENS = admin_url("accesstoken", "changelist")


class TestRevokeCredential:
    def test_asks_first_and_says_what_will_stop(self, operator):
        issued = make_api_key()
        make_token(issued)
        make_token(issued)
        response = operator.get(credential_url(issued.credential, "revoke"))
        (row, cells) = response.context["rows"][0]
        assert row == issued.credential
        assert {str(label): str(value) for label, value in cells}["live tokens"] == "2"
        assert '<td data-label="Live tokens">2</td>' in response.text
        assert APIKey.objects.get().revoked_at is None

    def test_revokes_it_and_says_so(self, operator):
        credential = make_api_key().credential
        url = credential_url(credential, "revoke")
        response = operator.send(url, reason="laptop <b>lost</b>")
        assert response.url == credential_url(credential, "change")
        text = operator.get(response.url).text
        assert "1 API key revoked." in text
        assert "laptop &lt;b&gt;lost&lt;/b&gt;" in text
        credential.refresh_from_db()
        assert credential.revoked_by == operator.user
        assert credential.revocation_reason == "laptop <b>lost</b>"

    def test_enters_the_history(self, operator):
        operator.send(credential_url(make_api_key().credential, "revoke"), reason="lost")
        entry = LogEntry.objects.get()
        assert (entry.action_flag, entry.user) == (CHANGE, operator.user)
        assert (entry.change_message, entry.content_type.model) == ("Revoked: lost", "apikey")

    def test_keeps_no_secret_that_was_pasted_into_the_reason(self, operator):
        issued = make_api_key()
        reason = f"found {issued.raw_secret}"
        operator.send(credential_url(issued.credential, "revoke"), reason=reason)
        kept = f"found {issued.credential.identifier}.[secret]"
        assert APIKey.objects.get().revocation_reason == kept
        assert LogEntry.objects.get().change_message == f"Revoked: {kept}"

    def test_needs_no_reason(self, operator):
        operator.send(credential_url(make_client_app().credential, "revoke"))
        assert ClientApp.objects.get().revoked_at is not None
        assert LogEntry.objects.get().change_message == "Revoked."

    @pytest.mark.parametrize("reason", ["a\tb", "x" * 256])
    def test_refuses_a_reason_that_cannot_be_kept(self, operator, reason):
        response = operator.send(credential_url(make_api_key().credential, "revoke"), reason=reason)
        assert response.context["form"].errors["reason"]
        assert APIKey.objects.get().revoked_at is None

    def test_takes_several(self, operator):
        rows = [make_api_key().credential for _ in range(3)]
        response = operator.choose(LIST, "revoke_selected", *rows[:2])
        assert APIKey.objects.exclude(revoked_at=None).count() == 0
        response = operator.post(LIST, {**hidden_fields(response), "reason": "leaver"})
        assert response.url == LIST
        assert "2 API keys revoked." in operator.get(LIST).text
        assert set(APIKey.objects.exclude(revoked_at=None)) == set(rows[:2])
        assert LogEntry.objects.count() == 2

    def test_leaves_out_what_has_ended(self, operator):
        ended, alive = make_api_key().credential, make_api_key().credential
        credentials.revoke(ended, act=Act(now=timezone.now(), reason="first"))
        response = operator.choose(LIST, "revoke_selected", ended, alive)
        assert response.context["skipped"] == [ended]
        operator.post(LIST, {**hidden_fields(response), "reason": "second"})
        ended.refresh_from_db()
        assert ended.revocation_reason == "first"

    def test_a_reload_revokes_nothing(self, operator):
        rows = [make_api_key().credential for _ in range(2)]
        values = hidden_fields(operator.choose(LIST, "revoke_selected", *rows))
        operator.post(LIST, values)
        assert operator.post(LIST, values).url == LIST
        assert "Nothing to revoke: already revoked or expired." in operator.get(LIST).text
        assert LogEntry.objects.count() == 2

    def test_does_not_count_rows_that_someone_else_revoked(self, operator):
        """The other request commits after this one has read the row."""
        credential = make_api_key().credential

        def be_faster(execute, sql, params, many, context):
            if sql.startswith("UPDATE") and "revocation_reason" in sql and not done:
                done.append(sql)
                credentials.revoke(
                    APIKey.objects.get(), act=Act(now=timezone.now(), reason="theirs")
                )
            return execute(sql, params, many, context)

        done = []
        values = hidden_fields(operator.get(credential_url(credential, "revoke")))
        with connection.execute_wrapper(be_faster):
            response = operator.post(credential_url(credential, "revoke"), values)
        assert response.status_code == 409
        assert "Someone else revoked this at the same time." in response.text
        assert credential_url(credential, "change") in response.text
        assert LogEntry.objects.count() == 0

    def test_of_several_counts_those_that_someone_else_revoked(self, operator):
        """The other rows are still revoked."""
        first, second = make_api_key().credential, make_api_key().credential
        done = []

        def be_faster(execute, sql, params, many, context):
            if sql.startswith("UPDATE") and "revocation_reason" in sql and not done:
                done.append(sql)
                credentials.revoke(APIKey.objects.get(pk=first.pk), act=Act(now=timezone.now()))
            return execute(sql, params, many, context)

        values = hidden_fields(operator.choose(LIST, "revoke_selected", first, second))
        with connection.execute_wrapper(be_faster):
            response = operator.post(LIST, values)
        text = operator.get(response.url).text
        assert "1 API key revoked." in text
        assert "1 had already been revoked by someone else." in text
        assert LogEntry.objects.get().object_id == str(second.pk)

    def test_offers_reasons_and_takes_any(self, operator):
        response = operator.get(credential_url(make_api_key().credential, "revoke"))
        assert '<option value="No longer needed"></option>' in response.text
        assert 'list="te-reasons"' in response.text

    def test_refuses_as_a_client_error(self, operator):
        url = credential_url(make_api_key().credential, "revoke")
        assert operator.send(url, reason="a\tb").status_code == 400


class TestRevokeToken:
    def test_asks_first(self, operator):
        token = make_token()
        text = operator.get(admin_url("accesstoken", "revoke", token)).text
        assert token.jti in text
        token.refresh_from_db()
        assert token.revoked_at is None

    def test_ends_it(self, operator):
        token = make_token()
        response = operator.send(admin_url("accesstoken", "revoke", token))
        assert response.url == admin_url("accesstoken", "change", token)
        token.refresh_from_db()
        assert token.revoked_at is not None
        assert LogEntry.objects.get().get_edited_object() == token

    def test_takes_several(self, operator):
        tokens = [make_token() for _ in range(3)]
        response = operator.choose(TOKENS, "revoke_selected", *tokens[:2])
        operator.post(TOKENS, hidden_fields(response))
        assert set(AccessToken.objects.exclude(revoked_at=None)) == set(tokens[:2])

    def test_has_a_button_only_while_it_lives(self, operator):
        token = make_token()
        url = admin_url("accesstoken", "revoke", token)
        assert url in operator.get(admin_url("accesstoken", "change", token)).text
        operator.send(url)
        assert url not in operator.get(admin_url("accesstoken", "change", token)).text
