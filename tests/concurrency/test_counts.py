"""Counts that many processes add to at once: none is lost."""

from __future__ import annotations

import pytest

from tests.concurrency import tasks
from tests.concurrency.process_pool import PROCESSES, THREADS, run_crowd
from token_exchange.models import HourlyCount

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

NOW = 1_900_000_000.0
ROUNDS = 10


def test_all_are_added_up():
    """In one order of rows: a deadlock would fail a write, and its counts die with the process."""
    run_crowd(tasks.count_and_flush, NOW, ROUNDS)
    total = HourlyCount.objects.get(organization="1", identifier="")
    assert total.count == PROCESSES * THREADS * ROUNDS * 50
    assert HourlyCount.objects.exclude(identifier="").count() == 50
