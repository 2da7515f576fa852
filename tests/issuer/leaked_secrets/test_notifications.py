"""Audit event, signals, log lines and e-mail of a reported secret."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.core import mail

from tests.issuer.leaked_secrets.conftest import ADDRESS, NOW, revoked_credentials
from tests.support.factories import (
    make_api_key,
    make_organization,
)
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, Credential
from token_exchange.observability import notifications
from token_exchange.signals import credential_leaked, credential_revoked

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


class TestAuditAndLog:
    def test_audit_event_has_the_address_and_the_reason(self, send, issued):
        send(issued.raw_secret)
        event = AuditEvent.objects.get(event="credential.revoked")
        told = (event.target, event.origin, event.reason, event.actor)
        assert told == (issued.credential.identifier, ADDRESS, "Reported as leaked.", "")
        assert Credential.objects.get().revocation_reason == "Reported as leaked."

    def test_signals_are_sent_once(self, send, issued, hear):
        leaked, ended = hear(credential_leaked), hear(credential_revoked)
        send(issued.raw_secret)
        assert leaked == [{"credential": issued.credential, "origin": ADDRESS}]
        assert len(ended) == 1

    def test_leak_and_report_are_logged(self, send, issued, caplog):
        caplog.set_level(logging.INFO, "token_exchange")
        caplog.clear()
        send(issued.raw_secret, "x")
        found = {record.event: record for record in caplog.records}
        assert sorted(found) == ["credential.leaked", "credential.revoked", "leak.reported"]
        leaked, reported = found["credential.leaked"], found["leak.reported"]
        assert leaked.levelname == "WARNING"
        assert leaked.event_fields == {
            "identifier": issued.credential.identifier,
            "address": ADDRESS,
        }
        assert reported.levelname == "INFO"
        assert reported.event_fields == {"address": ADDRESS, "strings": 2, "revoked": 1}

    def test_report_without_a_match_is_logged(self, send, caplog):
        caplog.set_level(logging.INFO, "token_exchange")
        send("x")
        (record,) = caplog.records
        assert record.event_fields == {"address": ADDRESS, "strings": 1, "revoked": 0}


class TestMail:
    @pytest.fixture(autouse=True)
    def _owners(self, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")

    def test_owners_get_the_mail_at_once(self, send):
        key = make_api_key(name="Nightly", organization=make_organization(name="Example Company"))
        send(key.raw_secret, "x")
        (message,) = mail.outbox
        assert message.to == ["owner@example.com", "second@example.com"]
        assert message.subject == "API key “Nightly” was reported as leaked and has been revoked"
        assert message.body.startswith(
            "API key “Nightly” was reported as leaked and has been revoked.\n"
            "\n"
            "Someone reported its full secret to this service on 2026-01-01 00:00 UTC. It and all "
            "its tokens stopped working at that moment. If API keys were created or rotated with "
            "it, they stopped working as well.\n"
        )
        assert key.raw_secret[-49:] not in message.message().as_string()

    def test_mail_is_sent_once(self, send, issued):
        send(issued.raw_secret)
        assert notifications.warn(now=NOW + HOUR).mails == 0
        assert len(mail.outbox) == 1

    def test_mail_is_sent_although_the_expiry_was_mailed_before(self, send):
        key = make_api_key(now=NOW - 9 * DAY, expires_at=NOW + DAY)
        assert notifications.warn(now=NOW - HOUR).mails == 1
        send(key.raw_secret)
        assert len(mail.outbox) == 2

    def test_failed_mail_leaves_the_revocation_and_is_sent_by_the_next_warnings(
        self, send, issued, token_exchange_settings
    ):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        answer = send(issued.raw_secret)
        assert (answer.status_code, answer.content) == (202, b"{}")
        assert revoked_credentials() == [issued.credential.pk]
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + HOUR).mails == 1
        assert notifications.warn(now=NOW + 2 * HOUR).mails == 0

    def test_failed_mail_leaves_the_others_to_the_next_warnings(
        self, send, token_exchange_settings, caplog
    ):
        """A mail server that is down delays the answer only once."""
        organization = make_organization()
        leaked = [make_api_key(organization=organization) for _ in range(3)]
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        assert send(*(each.raw_secret for each in leaked)).status_code == 202
        events = [getattr(record, "event", "") for record in caplog.records]
        assert events.count("warning.mail_failed") == 1
        assert len(revoked_credentials()) == 3
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + HOUR).mails == 3

    def test_mail_sent_by_a_concurrent_run_is_not_sent_again(self, issued):
        """The next run of the warnings was faster than the request that revoked."""
        credentials.revoke(
            issued.credential, cause=Credential.RevocationCause.LEAK, act=Act(now=NOW)
        )
        assert notifications.warn(now=NOW).mails == 1
        notifications.mail_leaked([issued.credential], now=NOW)
        assert len(mail.outbox) == 1

    def test_mail_that_failed_for_a_week_is_not_sent(self, send, issued, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        send(issued.raw_secret)
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + 7 * DAY).mails == 0

    @pytest.mark.parametrize("reason", ["Left the company", "Reported as leaked."])
    def test_another_revocation_sends_no_mail(self, issued, reason):
        """The cause decides, and not the words of an operator."""
        credentials.revoke(issued.credential, act=Act(now=NOW, reason=reason))
        assert notifications.warn(now=NOW + HOUR).mails == 0

    def test_no_mail_is_sent_without_the_setting(self, send, issued, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS=None)
        send(issued.raw_secret)
        assert mail.outbox == []
