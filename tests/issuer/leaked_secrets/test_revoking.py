"""What ends a credential when it is reported as leaked, and who learns of it?"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.issuer.leaked_secrets.conftest import ADDRESS, report
from tests.support.factories import (
    api_key_header,
    is_good,
    make_api_key,
    make_client_app,
    make_organization,
    works,
)
from token_exchange.issuer import credentials, leaked_secrets
from token_exchange.models import AuditEvent, Credential
from token_exchange.observability import notifications
from token_exchange.signals import credential_leaked, credential_revoked
from token_exchange_core.secret_strings import make_client_id, make_identifier, make_secret

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _clock(token_exchange_settings):
    token_exchange_settings(RATE_LIMITS=None)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(params=[make_api_key, make_client_app])
def issued(request):
    return request.param(now=NOW)


def revoked():
    rows = Credential.objects.filter(revoked_at__isnull=False).order_by("pk")
    return list(rows.values_list("pk", flat=True))


class TestFullSecret:
    def test_that_is_current_ends_its_credential(self, send, issued):
        other = make_api_key()
        assert send(issued.raw_secret).status_code == 202
        assert revoked() == [issued.credential.pk]
        assert works(other.raw_secret)

    def test_that_is_the_previous_one_and_lives_ends_it(self, send, issued):
        credentials.rotate(issued.credential, now=NOW, overlap=HOUR)
        send(issued.raw_secret)
        assert revoked() == [issued.credential.pk]

    def test_that_was_the_previous_one_ends_nothing(self, send, issued):
        credentials.rotate(issued.credential, now=NOW - HOUR, overlap=HOUR)
        send(issued.raw_secret)
        assert revoked() == []

    def test_that_is_the_new_one_beside_a_previous_one_ends_it(self, send, issued):
        new = credentials.rotate(issued.credential, now=NOW, overlap=HOUR)
        send(new.raw_secret)
        assert revoked() == [issued.credential.pk]

    def test_that_was_compromised_ends_nothing(self, send, issued):
        credentials.rotate(issued.credential, now=NOW, compromised=True)
        send(issued.raw_secret)
        assert revoked() == []

    def test_of_an_expired_credential_ends_it(self, send):
        key = make_api_key(now=NOW - DAY, expires_at=NOW - HOUR)
        send(key.raw_secret)
        assert revoked() == [key.credential.pk]

    def test_of_an_inactive_organization_ends_it(self, send):
        key = make_api_key(organization=make_organization(is_active=False))
        send(key.raw_secret)
        assert revoked() == [key.credential.pk]

    def test_ends_the_tokens_as_well(self, send, https_client):
        key = make_api_key()
        token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
        send(key.raw_secret)
        assert not is_good(token)

    def test_with_white_space_around_it_is_one(self, send, issued):
        send(f"\t {issued.raw_secret}\r\n")
        assert revoked() == [issued.credential.pk]

    def test_each_of_many_ends_its_own(self, send):
        organization = make_organization()
        every = [
            make(organization=organization)
            for make in (make_api_key, make_client_app)
            for _ in range(5)
        ]
        send(*(each.raw_secret for each in every[::-1]), "x", every[0].raw_secret)
        assert revoked() == [each.credential.pk for each in every]

    def test_twice_is_once(self, send, issued, hear):
        said = hear(credential_leaked)
        send(issued.raw_secret, issued.raw_secret)
        send(issued.raw_secret)
        assert len(said) == AuditEvent.objects.filter(event="credential.revoked").count() == 1


class TestWhatIsNoFullSecret:
    def spoil(self, issued):
        """Each differs from the secret by what a part of it could hide."""
        raw, identifier = issued.raw_secret, issued.credential.identifier
        other = make_api_key()
        same_id = make_secret(raw.rpartition(".")[0])
        return {
            "identifier": identifier,
            "identifier and nothing": f"{raw.rpartition('.')[0]}.",
            "another secret of the same id": same_id.raw_secret,
            "no checksum": raw[:-6],
            "wrong checksum": raw[:-1] + ("A" if raw[-1] != "A" else "B"),
            "other case": raw.swapcase(),
            "digest": issued.credential.secret_digest,
            "id of another": other.raw_secret[:20] + raw[20:],
            "longer": raw + "A",
            "a line that has it": f"KEY={raw}",
            "another environment": raw.replace("_live", "_test"),
            "a kind that is not": raw.replace("cs_", "sk_").replace("sk_", "ci_"),
        }

    def test_ends_nothing(self, send, issued):
        for name, string in self.spoil(issued).items():
            assert send(string).content == b"{}", name
            assert revoked() == [], name

    def test_a_token_ends_nothing(self, send, https_client):
        key = make_api_key()
        token = https_client.post("/v1/token", headers=api_key_header(key)).json()["access_token"]
        send(token)
        assert revoked() == []
        assert is_good(token)

    def test_a_secret_of_another_kind_ends_nothing(self, send, monkeypatch):
        """Nobody could make such a row but by hand."""
        key = make_api_key()
        Credential.objects.filter(pk=key.credential.pk).update(kind="client_app")
        send(key.raw_secret)
        assert revoked() == []


class TestAnswer:
    def test_is_the_same_whatever_was_sent(self, send, issued):
        strings = [
            issued.raw_secret,
            issued.raw_secret,
            issued.credential.identifier,
            make_secret(make_identifier("sk_live")).raw_secret,
            make_client_id("ci_live"),
            "",
            "\x00",
            "é" * 512,
        ]
        answers = [send(each) for each in strings] + [send()]
        assert {(each.status_code, each.content) for each in answers} == {(202, b"{}")}
        assert len({tuple(sorted(each.items())) for each in answers}) == 1
        assert answers[0]["Cache-Control"] == "no-store"
        assert answers[0]["Content-Type"] == "application/json"


def queries(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"].split()[0] for query in captured]


class TestWork:
    """What was known, and how much of it, costs what the unknown costs."""

    def test_of_whatever_matches_nothing_is_one_select(self, send):
        stale = make_api_key()
        credentials.rotate(stale.credential, now=NOW, compromised=True)
        gone = make_api_key()
        credentials.revoke(gone.credential, now=NOW)
        unknown = make_secret(make_identifier("sk_live"))
        app = make_secret(make_identifier("cs_live"))
        for each in (stale, gone, unknown, app):
            assert queries(lambda each=each: send(each.raw_secret)) == ["SELECT"]
        many = [make_secret(make_identifier("sk_live")).raw_secret for _ in range(98)]
        assert queries(lambda: send(*many, stale.raw_secret, gone.raw_secret)) == ["SELECT"]

    def test_asks_for_the_identifiers_alone(self, send):
        key = make_api_key()
        credentials.rotate(key.credential, now=NOW, compromised=True)
        with CaptureQueriesContext(connection) as captured:
            send(key.raw_secret)
        (query,) = captured
        assert f"IN ('{key.credential.identifier}')" in query["sql"]
        assert key.raw_secret[-49:] not in query["sql"]

    @pytest.mark.parametrize("strings", [[], ["x"], ["x"] * 100, ["sk_live.0123456789AB.x"]])
    def test_of_what_can_be_no_secret_is_none(self, send, strings):
        assert queries(lambda: send(*strings)) == []


class TestRace:
    def test_a_secret_that_was_replaced_meanwhile_ends_nothing(self, https_client):
        """Between the look and the lock the owner declares the compromise, and has a new secret."""
        key = make_api_key()
        new = []

        def rotate_after_the_look(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if not new and sql.startswith("SELECT"):
                new.append(None)
                owner_sees = Credential.objects.get(pk=key.credential.pk)
                new.append(credentials.rotate(owner_sees, now=NOW, compromised=True))
            return result

        with connection.execute_wrapper(rotate_after_the_look):
            assert report(https_client, key.raw_secret).content == b"{}"
        assert revoked() == []
        assert works(new[1].raw_secret)
        assert not AuditEvent.objects.filter(event="credential.revoked").exists()

    def test_of_two_reports_one_revokes(self, https_client, hear):
        key = make_api_key()
        others = []

        def report_after_the_look(execute, sql, *arguments):
            result = execute(sql, *arguments)
            if not others and sql.startswith("SELECT"):
                others.append(None)
                others.append(
                    leaked_secrets.revoke_leaked([key.raw_secret], now=NOW, origin="another")
                )
            return result

        with connection.execute_wrapper(report_after_the_look):
            assert report(https_client, key.raw_secret).content == b"{}"
        assert [each.pk for each in others[1]] == revoked() == [key.credential.pk]
        assert AuditEvent.objects.get(event="credential.revoked").origin == "another"


class TestWhoLearnsOfIt:
    def test_the_audit_trail(self, send, issued):
        send(issued.raw_secret)
        event = AuditEvent.objects.get(event="credential.revoked")
        told = (event.target, event.origin, event.reason, event.actor)
        assert told == (issued.credential.identifier, ADDRESS, "Reported as leaked.", "")
        assert Credential.objects.get().revocation_reason == "Reported as leaked."

    def test_receivers(self, send, issued, hear):
        leaked, ended = hear(credential_leaked), hear(credential_revoked)
        send(issued.raw_secret)
        assert leaked == [{"credential": issued.credential, "origin": ADDRESS}]
        assert len(ended) == 1

    def test_the_log(self, send, issued, caplog):
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

    def test_the_log_of_a_report_of_nothing(self, send, caplog):
        caplog.set_level(logging.INFO, "token_exchange")
        send("x")
        (record,) = caplog.records
        assert record.event_fields == {"address": ADDRESS, "strings": 1, "revoked": 0}


class TestMail:
    @pytest.fixture(autouse=True)
    def _owners(self, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")

    def test_reaches_the_owners_at_once(self, send):
        key = make_api_key(name="Nightly", organization=make_organization(name="Example Company"))
        send(key.raw_secret, "x")
        (message,) = mail.outbox
        assert message.to == ["owner@example.com", "second@example.com"]
        assert message.subject == "API key “Nightly” was reported as leaked and has been revoked"
        assert message.body.startswith(
            "API key “Nightly” was reported as leaked and has been revoked.\n"
            "\n"
            "Someone reported its full secret to this service on 2026-01-01 00:00 UTC. It and all "
            "its tokens stopped working at that moment.\n"
        )
        assert key.raw_secret[-49:] not in message.message().as_string()

    def test_is_sent_once(self, send, issued):
        send(issued.raw_secret)
        assert notifications.warn(now=NOW + HOUR).mails == 0
        assert len(mail.outbox) == 1

    def test_is_sent_though_the_expiry_was_mailed_before(self, send):
        key = make_api_key(now=NOW - 9 * DAY, expires_at=NOW + DAY)
        assert notifications.warn(now=NOW - HOUR).mails == 1
        send(key.raw_secret)
        assert len(mail.outbox) == 2

    def test_that_fails_changes_nothing_and_is_tried_again_by_the_warnings(
        self, send, issued, token_exchange_settings
    ):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        answer = send(issued.raw_secret)
        assert (answer.status_code, answer.content) == (202, b"{}")
        assert revoked() == [issued.credential.pk]
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + HOUR).mails == 1
        assert notifications.warn(now=NOW + 2 * HOUR).mails == 0

    def test_that_fails_leaves_the_others_to_the_warnings(
        self, send, token_exchange_settings, caplog
    ):
        """Whoever waits for the answer waits for one mail server once."""
        organization = make_organization()
        leaked = [make_api_key(organization=organization) for _ in range(3)]
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        assert send(*(each.raw_secret for each in leaked)).status_code == 202
        events = [getattr(record, "event", "") for record in caplog.records]
        assert events.count("warning.mail_failed") == 1
        assert len(revoked()) == 3
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + HOUR).mails == 3

    def test_that_somebody_else_sent_meanwhile_is_not_sent_again(self, issued):
        """The next run was faster than the request that revoked."""
        credentials.revoke(issued.credential, now=NOW, reason=notifications.LEAKED)
        assert notifications.warn(now=NOW).mails == 1
        notifications.mail_leaked([issued.credential], now=NOW)
        assert len(mail.outbox) == 1

    def test_that_failed_for_a_week_is_news_no_longer(self, send, issued, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        send(issued.raw_secret)
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert notifications.warn(now=NOW + 7 * DAY).mails == 0

    def test_is_not_sent_for_another_revocation(self, issued):
        credentials.revoke(issued.credential, now=NOW, reason="Left the company")
        assert notifications.warn(now=NOW + HOUR).mails == 0

    def test_is_not_sent_without_the_setting(self, send, issued, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS=None)
        send(issued.raw_secret)
        assert mail.outbox == []


def test_the_body_is_json_also_where_a_tool_says_otherwise(send, issued):
    """As ``curl -d`` sends it."""
    send(
        body=json.dumps([issued.raw_secret]),
        content_type="application/x-www-form-urlencoded",
    )
    assert revoked() == [issued.credential.pk]
