"""Findings about the purge and the notifications."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.doctor.reports import examine
from tests.support.factories import make_api_key, make_token
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential, Revocation
from token_exchange.observability.notifications import warn

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NO_TOKENS = ("ok", "No access tokens are overdue for the purge.")
NO_REVOCATIONS = ("ok", "No revocations are overdue for the purge.")
NO_EXPIRY = ("ok", "No notification is overdue (expiry).")
NO_PREVIOUS_SECRET = ("ok", "No notification is overdue (previous secret in use).")
NO_RUN = "The job does not run, or never completes."


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def purge() -> list[tuple[str, str]]:
    return examine().of("overdue jobs")[:2]


def notifications() -> list[tuple[str, str]]:
    return examine().of("overdue jobs")[2:]


class TestPurge:
    def test_is_not_overdue_if_nothing_has_expired(self):
        make_token()
        assert purge() == [NO_TOKENS, NO_REVOCATIONS]

    def test_is_overdue_when_a_token_expired_a_day_longer_ago_than_its_retention(
        self, token_exchange_settings
    ):
        token_exchange_settings(TOKEN_RETENTION=3600)
        make_token(expires_at=NOW - timedelta(hours=25))
        assert purge()[0] == NO_TOKENS
        AccessToken.objects.update(expires_at=NOW - timedelta(hours=25, seconds=1))
        text = "There are access tokens that expired on 2025-12-30 22:59 UTC and were not purged. "
        report = examine()
        assert report.of("overdue jobs")[0] == ("warning", text + NO_RUN)
        assert "python manage.py purge_expired_tokens" in report.hint("overdue jobs")

    def test_is_overdue_when_a_revocation_expired_long_ago(self):
        Revocation.objects.create(
            kind="token", subject="jti", position=1, expires_at=NOW - timedelta(days=9)
        )
        text = "There are revocations that expired on 2025-12-23 00:00 UTC and were not purged. "
        assert purge() == [NO_TOKENS, ("warning", text + NO_RUN)]


class TestNotifications:
    def test_are_not_overdue_if_nothing_expires(self):
        make_api_key()
        assert notifications() == [NO_EXPIRY, NO_PREVIOUS_SECRET]

    def test_are_overdue_a_day_after_an_expiry_was_due(self):
        expires_at = NOW + 29 * DAY
        key = make_api_key(now=NOW - 60 * DAY, expires_at=expires_at + SECOND)
        assert notifications() == [NO_EXPIRY, NO_PREVIOUS_SECRET]
        Credential.objects.update(expires_at=expires_at)
        report = examine()
        identifier = key.credential.identifier
        text = f"{identifier}: its notification (expiry) is more than a day overdue. {NO_RUN}"
        assert report.of("overdue jobs")[2:] == [("warning", text), NO_PREVIOUS_SECRET]
        assert "python manage.py warn_of_expiring_credentials" in report.hint("overdue jobs")
        warn(now=NOW)
        assert notifications() == [NO_EXPIRY, NO_PREVIOUS_SECRET]

    def test_are_overdue_a_day_after_a_previous_secret_was_due(self):
        key = make_api_key(now=NOW - 9 * DAY)
        credentials.rotate(key.credential, overlap=9 * DAY + SECOND, act=Act(now=NOW - 9 * DAY))
        Credential.objects.update(previous_secret_last_used_at=NOW - 2 * DAY)
        assert notifications() == [NO_EXPIRY, NO_PREVIOUS_SECRET]
        Credential.objects.update(previous_secret_expires_at=NOW - SECOND)
        text = (
            f"{key.credential.identifier}: its notification (previous secret in use) is more than "
            f"a day overdue. {NO_RUN}"
        )
        assert notifications() == [NO_EXPIRY, ("warning", text)]
