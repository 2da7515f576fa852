"""E-mails to owners: text, recipients, and one per event even if the mail server fails."""

from __future__ import annotations

import logging
from dataclasses import astuple

import django
import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import translation

from tests.observability.notifications.catalogues import write_catalogue
from tests.observability.notifications.conftest import ADDRESS, DAY, HOUR, NOW, OWNERS, use_previous
from tests.support.authentication import authenticate_client_app
from tests.support.factories import make_api_key, make_client_app, make_organization, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange.observability import notifications
from token_exchange.signals import credential_expiring

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mail_owners")]

ENDS_AT = NOW + 60 * DAY
SOON = ENDS_AT - DAY


class BrokenServer(EmailBackend):
    """A mail server that refuses a given number of messages."""

    refusals = 0
    attempts = 0

    def send_messages(self, messages):
        type(self).attempts += 1
        if type(self).refusals:
            type(self).refusals -= 1
            raise ConnectionRefusedError("the mail server refuses")
        return super().send_messages(messages)


@pytest.fixture
def refuse(settings, monkeypatch):
    """Make the mail server refuse so many messages."""
    path = f"{__name__}.BrokenServer"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": path}}
    else:
        settings.EMAIL_BACKEND = path
    monkeypatch.setattr(BrokenServer, "attempts", 0)

    def set_refusals(count):
        monkeypatch.setattr(BrokenServer, "refusals", count)

    return set_refusals


@pytest.fixture
def key():
    organization = make_organization(name="Example Company")
    return make_api_key(now=NOW, expires_at=ENDS_AT, name="Nightly", organization=organization)


class TestMessage:
    def test_about_an_expiry(self, warn, key):
        assert warn(SOON).mails == 1
        (message,) = mail.outbox
        assert message.to == OWNERS
        assert message.subject == "API key “Nightly” expires on 2026-03-02 00:00 UTC"
        assert message.body == (
            "API key “Nightly” expires on 2026-03-02 00:00 UTC.\n"
            "\n"
            "After that, it and its tokens stop working.\n"
            "\n"
            "If you still need it, extend its expiry before then, or issue a new one and give that "
            "to the client.\n"
            "\n"
            f"Identifier: {key.credential.identifier}\n"
            "Organization: Example Company\n"
            "\n"
            f"https://issuer.test/admin/token_exchange/apikey/{key.credential.pk}/change/\n"
        )

    def test_about_a_previous_secret(self, warn, django_capture_on_commit_callbacks):
        app = make_client_app(now=NOW, name="Warehouse")
        credentials.rotate(app.credential, overlap=DAY, act=Act(now=NOW))
        with django_capture_on_commit_callbacks(execute=True):
            authenticate_client_app(
                app.credential.identifier, app.raw_secret, address=ADDRESS, now=NOW + HOUR
            )
        assert warn(NOW + 20 * HOUR).mails == 1
        (message,) = mail.outbox
        assert message.subject == (
            "Client app “Warehouse”: the previous secret is still in use and stops working on "
            "2026-01-02 00:00 UTC"
        )
        assert f"last used it on 2026-01-01 01:00 UTC, from {ADDRESS}." in message.body
        page = f"https://issuer.test/admin/token_exchange/clientapp/{app.credential.pk}/change/"
        assert message.body.endswith(f"\n{page}\n")

    def test_about_a_previous_secret_used_from_an_unknown_address(
        self, warn, key, django_capture_on_commit_callbacks
    ):
        credentials.rotate(key.credential, overlap=DAY, act=Act(now=NOW))
        with django_capture_on_commit_callbacks(execute=True):
            use_previous(key, at=NOW)
        Credential.objects.update(previous_secret_last_used_from="")
        warn(NOW + 20 * HOUR)
        assert "from an unknown address." in mail.outbox[0].body

    def test_prevents_automatic_replies(self, warn, key):
        warn(SOON)
        assert mail.outbox[0].message()["Auto-Submitted"] == "auto-generated"

    def test_contains_no_secret(self, warn, key):
        warn(SOON)
        whole = mail.outbox[0].message().as_string()
        assert key.raw_secret[-49:] not in whole
        assert key.credential.secret_digest not in whole

    def test_has_no_link_without_an_admin(self, warn, key, settings):
        settings.ROOT_URLCONF = "tests.management.commands.urls_without_ours"
        warn(SOON)
        assert mail.outbox[0].body.endswith("Organization: Example Company\n")

    @pytest.mark.parametrize(
        "name", ["%(at)s %s %", "<script>", "x" * 255, "zwölf", "a\u2028Bcc: b@x.test", "\x85"]
    )
    def test_accepts_any_name(self, warn, key, name):
        Credential.objects.update(name=name)
        assert warn(SOON).mails == 1
        (message,) = mail.outbox
        sent = message.message()
        assert set(sent.keys()) >= {"Subject", "To", "From"}
        assert sent["Bcc"] is None
        assert len(message.subject.splitlines()) == 1
        assert name in message.body

    @pytest.mark.parametrize(
        ("language", "subject"),
        [
            ("en", "API key “Nightly” expires on 2026-03-02 00:00 UTC"),
            ("de", "API key “Nightly” endet am 2026-03-02 00:00 UTC"),
        ],
    )
    def test_is_in_the_language_of_the_service(self, key, settings, tmp_path, language, subject):
        write_catalogue(tmp_path, "de", {"%(what)s expires on %(at)s": "%(what)s endet am %(at)s"})
        settings.LOCALE_PATHS = [tmp_path]
        settings.LANGUAGE_CODE = language
        with translation.override("en" if language == "de" else "de"):
            notifications.warn(now=SOON)
        assert mail.outbox[0].subject == subject


class TestRecipients:
    def test_are_those_that_the_hook_returns(self, warn, token_exchange_settings, key):
        token_exchange_settings(
            WARNING_RECIPIENTS="tests.observability.notifications.hooks.by_name"
        )
        owner = make_user(email="ada@example.com")
        make_api_key(now=NOW, expires_at=ENDS_AT, owner=owner)
        assert warn(SOON).mails == 2
        assert sorted(message.to for message in mail.outbox) == [
            ["Example Company@x.test"],
            ["ada@example.com"],
        ]

    def test_none_means_no_email_and_no_failure(self, warn, token_exchange_settings, key):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.nobody")
        assert astuple(warn(SOON)) == (1, 0, 0, 0)
        assert mail.outbox == []

    def test_unset_means_no_email(self, warn, token_exchange_settings, key):
        token_exchange_settings(WARNING_RECIPIENTS=None)
        assert astuple(warn(SOON)) == (1, 0, 0, 0)
        assert mail.outbox == []

    def test_set_later_get_notifications_that_are_still_due(
        self, warn, token_exchange_settings, key
    ):
        token_exchange_settings(WARNING_RECIPIENTS=None)
        warn(SOON)
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert astuple(warn(SOON + HOUR)) == (0, 0, 1, 0)

    @pytest.mark.parametrize(
        ("hook", "error"), [("broken", "LookupError"), ("not_a_list", "TypeError")]
    )
    def test_of_a_failing_hook_get_the_email_once_it_works(
        self, warn, token_exchange_settings, caplog, hook, error
    ):
        key = make_api_key(now=NOW, expires_at=ENDS_AT)
        token_exchange_settings(
            WARNING_RECIPIENTS=f"tests.observability.notifications.hooks.{hook}"
        )
        assert astuple(warn(SOON)) == (1, 0, 0, 1)
        (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert record.event == "warning.mail_failed"
        assert record.event_fields == {"identifier": key.credential.identifier, "error": error}
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert astuple(warn(SOON + HOUR)) == (0, 0, 1, 0)


class TestEmail:
    def test_is_sent_once_at_each_threshold(self, warn, key):
        sent = [warn(NOW + day * DAY).mails for day in range(61)]
        assert sum(sent) == len(mail.outbox) == 3
        assert [day for day, count in enumerate(sent) if count] == [60 - 30, 60 - 7, 60 - 1]

    def test_is_not_repeated_if_another_email_failed(self, warn, token_exchange_settings, hear):
        token_exchange_settings(
            WARNING_RECIPIENTS="tests.observability.notifications.hooks.none_of_the_first"
        )
        for name in ("first", "second"):
            make_api_key(now=NOW, expires_at=ENDS_AT, name=name)
        heard = hear(credential_expiring)
        assert astuple(warn(SOON)) == (2, 0, 1, 1)
        assert astuple(warn(SOON + HOUR)) == (0, 0, 0, 1)
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        assert astuple(warn(SOON + 2 * HOUR)) == (0, 0, 1, 0)
        assert ["first" in message.subject for message in mail.outbox] == [False, True]
        assert len(heard) == 2

    def test_is_not_repeated_by_a_simultaneous_run(self, key, token_exchange_settings):
        """A second worker starts while the hook is running."""
        token_exchange_settings(WARNING_RECIPIENTS=f"{__name__}.slow_hook")
        make_api_key(now=NOW, expires_at=ENDS_AT)
        assert notifications.warn(now=SOON).mails == 1
        assert len(mail.outbox) == 2


def slow_hook(credential):
    if len(mail.outbox) == 0 and not getattr(slow_hook, "is_running", False):
        slow_hook.is_running = True
        try:
            notifications.warn(now=SOON)
        finally:
            slow_hook.is_running = False
    return ["owner@example.com"]


class TestFailingMailServer:
    def test_next_run_retries_without_a_second_announcement(self, warn, refuse, key, hear):
        heard = hear(credential_expiring)
        refuse(1)
        assert astuple(warn(SOON)) == (1, 0, 0, 1)
        assert mail.outbox == []
        assert astuple(warn(SOON + HOUR)) == (0, 0, 1, 0)
        assert astuple(warn(SOON + 2 * HOUR)) == (0, 0, 0, 0)
        assert len(mail.outbox) == len(heard) == 1

    def test_run_gives_up_after_three_failures_in_a_row(self, warn, refuse):
        organization = make_organization()
        for _ in range(5):
            make_api_key(now=NOW, expires_at=ENDS_AT, organization=organization)
        refuse(10)
        assert astuple(warn(SOON)) == (5, 0, 0, 3)
        assert BrokenServer.attempts == 3
        refuse(0)
        assert astuple(warn(SOON + HOUR)) == (0, 0, 5, 0)

    def test_run_continues_after_single_failures(self, warn, token_exchange_settings):
        token_exchange_settings(
            WARNING_RECIPIENTS="tests.observability.notifications.hooks.none_of_the_first"
        )
        organization = make_organization()
        for number, name in enumerate(["first", "first", "other"] * 2):
            ends_at = ENDS_AT - (6 - number) * HOUR
            make_api_key(now=NOW, expires_at=ends_at, name=name, organization=organization)
        assert astuple(warn(SOON)) == (6, 0, 2, 4)

    def test_failure_restores_the_time_of_the_previous_email(self, warn, refuse, key):
        assert warn(ENDS_AT - 7 * DAY).mails == 1
        refuse(1)
        warn(SOON)
        stored = Credential.objects.get()
        assert stored.end_mailed_at == ENDS_AT - 7 * DAY
        assert stored.expiry_warned_at == SOON
