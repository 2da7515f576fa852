"""The command warn_of_expiring_credentials."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.management.commands.conftest import run, text
from tests.support.factories import make_api_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _expiring():
    now = timezone.now()
    issued_at = now - timedelta(days=60)
    make_api_key(now=issued_at, expires_at=now + timedelta(hours=12))


class TestWarnOfExpiringCredentials:
    def test_prints_how_many_notifications_were_sent(self):
        assert run("warn_of_expiring_credentials") == {
            "expiring": 1,
            "previous_secrets": 0,
            "mails": 0,
            "failed_mails": 0,
        }

    def test_prints_a_sentence(self, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners")
        printed = text("warn_of_expiring_credentials", "--time-budget", "5m")
        assert printed == (
            "Warned about 1 expiring credential and 0 active previous secrets. Sent 1 e-mail.\n"
        )
        assert len(mail.outbox) == 1

    def test_fails_if_an_email_failed(self, token_exchange_settings):
        token_exchange_settings(WARNING_RECIPIENTS="tests.observability.notifications.hooks.broken")
        out = StringIO()
        with pytest.raises(CommandError) as caught:
            call_command("warn_of_expiring_credentials", stdout=out)
        printed = "1 e-mail failed (see the log). The next run retries."
        assert str(caught.value) == printed
        assert out.getvalue().startswith("Warned about 1 expiring")

    def test_refuses_an_invalid_time_budget(self, error_of):
        assert "--time-budget: '0'" in error_of(
            "warn_of_expiring_credentials", "--time-budget", "0"
        )
