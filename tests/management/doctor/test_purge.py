from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.doctor.reports import examine
from tests.support.factories import make_token
from token_exchange.models import AccessToken, Revocation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WELL = ("ok", "No access tokens should have been purged long ago.")


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def test_nothing_has_expired():
    make_token()
    assert examine().of("purge") == [
        WELL,
        ("ok", "No revocations should have been purged long ago."),
    ]


def test_tokens_may_wait_for_a_purge_for_a_day_beyond_their_retention(token_exchange_settings):
    token_exchange_settings(TOKEN_RETENTION=3600)
    make_token(expires_at=NOW - timedelta(hours=25))
    assert examine().of("purge")[0] == WELL
    AccessToken.objects.update(expires_at=NOW - timedelta(hours=25, seconds=1))
    told = "There are access tokens that expired 2025-12-30 22:59 UTC: "
    report = examine()
    assert report.of("purge")[0] == (
        "warning",
        f"{told}no purge runs, or none comes to its end.",
    )
    assert "python manage.py purge_expired_tokens" in report.hint("purge")


def test_revocations_may_not_wait_for_ever():
    Revocation.objects.create(
        kind="token", subject="jti", position=1, expires_at=NOW - timedelta(days=9)
    )
    told = "There are revocations that expired 2025-12-23 00:00 UTC: "
    assert examine().of("purge") == [
        WELL,
        ("warning", f"{told}no purge runs, or none comes to its end."),
    ]
