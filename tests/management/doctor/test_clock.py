"""Findings about this machine's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.management.doctor.reports import Report, examine
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.revocation_set import RevocationKind

pytestmark = pytest.mark.django_db


def examine_at(now: datetime) -> Report:
    """Run the doctor on a machine with this time; the database's clock is right."""
    with time_machine.travel(now, tick=False):
        return examine()


@pytest.mark.parametrize("is_feed_used", [False, True])
def test_clock_that_agrees_is_ok(is_feed_used):
    if is_feed_used:
        with revoking(using="default") as feed:
            feed.revoke_all(RevocationKind.CREDENTIAL, "sk_live.a")
    expected = [("ok", "This machine's clock and the database's agree.")]
    assert examine().of("clock") == expected
    assert examine_at(timezone.now() - timedelta(seconds=2)).of("clock") == expected


@pytest.mark.parametrize(("seconds", "level"), [(30, "warning"), (600, "error")])
def test_clock_that_is_ahead_is_reported(seconds, level):
    report = examine_at(timezone.now() + timedelta(seconds=seconds + 0.5))
    expected = f"This machine's clock is {seconds} seconds ahead of the database's."
    assert report.of("clock") == [(level, expected)]
    assert report.hint("clock").startswith("Synchronize both machines with a time server ")


def test_clock_that_is_behind_is_reported():
    report = examine_at(timezone.now() - timedelta(minutes=10))
    expected = "This machine's clock is 600 seconds behind the database's."
    assert report.of("clock") == [("error", expected)]
