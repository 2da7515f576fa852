from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.management.doctor.reports import examine
from tests.support.factories import make_api_key
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import Credential
from token_exchange.observability.notifications import warn

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WELL = [
    ("ok", "No warning is overdue of a credential that expires."),
    ("ok", "No warning is overdue of a credential that has a previous secret in use."),
]
LATE = "and the warning was due more than a day ago: no task warns, or none comes to its end."


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def test_nothing_ends():
    make_api_key()
    assert examine().of("warnings") == WELL


def test_an_expiry_may_wait_for_a_day():
    ends_at = NOW + 29 * DAY
    key = make_api_key(now=NOW - 60 * DAY, expires_at=ends_at + SECOND)
    assert examine().of("warnings") == WELL
    Credential.objects.update(expires_at=ends_at)
    report = examine()
    told = f"{key.credential.identifier} expires, {LATE}"
    assert report.of("warnings") == [("warning", told), WELL[1]]
    assert "python manage.py warn_of_expiring_credentials" in report.hint("warnings")
    warn(now=NOW)
    assert examine().of("warnings") == WELL


def test_a_previous_secret_may_wait_for_a_day():
    key = make_api_key(now=NOW - 9 * DAY)
    credentials.rotate(key.credential, overlap=9 * DAY + SECOND, act=Act(now=NOW - 9 * DAY))
    Credential.objects.update(previous_secret_last_used_at=NOW - 2 * DAY)
    assert examine().of("warnings") == WELL
    Credential.objects.update(previous_secret_expires_at=NOW - SECOND)
    told = f"{key.credential.identifier} has a previous secret in use, {LATE}"
    assert examine().of("warnings") == [WELL[0], ("warning", told)]
