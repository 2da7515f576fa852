"""Expiry warnings and leak reports in many processes at once: each takes effect once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.concurrency import tasks
from tests.concurrency.process_pool import PROCESSES, THREADS, run_crowd
from tests.support.factories import make_api_key, make_client_app, make_organization, works
from token_exchange.models import AuditEvent, Credential

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

HOUR = timedelta(hours=1)
MEMBERS = PROCESSES * THREADS


@pytest.fixture(autouse=True)
def _settings(token_exchange_settings):
    token_exchange_settings(
        RATE_LIMITS=None, WARNING_RECIPIENTS="tests.observability.notifications.hooks.owners"
    )


class TestWarn:
    def test_each_is_told_once(self):
        now = timezone.now()
        organization = make_organization()
        made = {
            make_api_key(
                now=now - timedelta(days=60), expires_at=now + HOUR, organization=organization
            ).credential.identifier
            for _ in range(40)
        }
        results = run_crowd(tasks.warn, now)
        heard = Counter(identifier for told, _ in results for identifier in told)
        assert heard == dict.fromkeys(made, 1)
        assert sum(mails for _, mails in results) == 40


class TestReportLeaks:
    def test_each_is_revoked_once_and_nobody_waits_in_a_circle(self):
        organization = make_organization()
        leaked = [
            make(organization=organization)
            for make in (make_api_key, make_client_app)
            for _ in range(6)
        ]
        answers = run_crowd(tasks.report_leaks, [each.raw_secret for each in leaked])
        assert answers == [(202, b"{}")] * MEMBERS
        assert not Credential.objects.filter(revoked_at=None).exists()
        events = AuditEvent.objects.filter(event="credential.revoked")
        assert Counter(events.values_list("target", flat=True)) == dict.fromkeys(
            (each.credential.identifier for each in leaked), 1
        )

    def test_beside_rotations_no_secret_that_did_not_leak_ends(self):
        """Whoever comes first: a revoked key has no winner, and a new secret that won lives."""
        key = make_api_key()
        results = run_crowd(tasks.report_or_compromise, key.credential.identifier, key.raw_secret)
        (row,) = Credential.objects.all()
        won = [secret for secret in results if secret is not None]
        assert len(won) == (row.revoked_at is None)
        assert all(works(secret) for secret in won)
