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
    """Run the doctor on a machine whose clock shows this; the database's is right."""
    with time_machine.travel(now, tick=False):
        return examine()


@pytest.mark.parametrize("is_feed_used", [False, True])
def test_agrees(is_feed_used):
    if is_feed_used:
        with revoking(using="default") as feed:
            feed.revoke_all(RevocationKind.CREDENTIAL, "sk_live.a")
    told = [("ok", "This machine's clock and the database's agree.")]
    assert examine().of("clock") == told
    assert examine_at(timezone.now() - timedelta(seconds=2)).of("clock") == told


@pytest.mark.parametrize(("seconds", "level"), [(30, "warning"), (600, "error")])
def test_ahead(seconds, level):
    report = examine_at(timezone.now() + timedelta(seconds=seconds + 0.5))
    told = f"This machine's clock is {seconds} seconds ahead of the database's."
    assert report.of("clock") == [(level, told)]
    assert report.hint("clock").startswith("Let both follow a time server; ")


def test_behind():
    report = examine_at(timezone.now() - timedelta(minutes=10))
    told = "This machine's clock is 600 seconds behind the database's."
    assert report.of("clock") == [("error", told)]
