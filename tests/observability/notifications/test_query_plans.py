"""Query plans: each query of a run uses an index."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.observability.notifications.conftest import DAY, HOUR, NOW
from tests.support.factories import make_organization
from token_exchange.models import Credential
from token_exchange.observability.notifications import due

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

ROWS = 5000


@pytest.fixture
def _many():
    """5,000 credentials, of which one in fifty expires within a month, was rotated or revoked."""
    organization = make_organization()
    Credential.objects.bulk_create(
        Credential(
            kind="api_key",
            identifier=f"sk_live.{number:012}",
            name=f"Key {number}",
            organization=organization,
            secret_digest=f"{number:064}",
            secret_issued_at=NOW - 9 * DAY,
            created_at=NOW - 400 * DAY,
            expires_at=NOW + number * 8 * HOUR,
            previous_secret_digest=None if number % 50 else f"{number:064}",
            previous_secret_expires_at=None if number % 50 else NOW + number // 50 * HOUR,
            previous_secret_last_used_at=NOW,
            revoked_at=NOW - number * HOUR if number % 50 == 1 else None,
            revocation_cause=Credential.RevocationCause.LEAK,
        )
        for number in range(ROWS)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE token_exchange_credential")


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize(
    ("find", "column", "index"),
    [
        (due.expiring, "expiry_warned_at", "token_exchange_expiring"),
        (
            due.with_previous_secret_in_use,
            "previous_secret_warned_at",
            "token_exchange_rotating",
        ),
        (due.leaked, "end_mailed_at", "token_exchange_ended"),
    ],
)
def test_each_query_uses_its_index(find, column, index):
    with CaptureQueriesContext(connection) as captured:
        assert list(find(column, now=NOW + HOUR))
    for query in list(captured):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert index in plan
        assert "Seq Scan on token_exchange_credential" not in plan
