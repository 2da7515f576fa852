"""The rows that the database reads for the dashboard with many rows in each table."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.admin.dashboard import DASHBOARD
from tests.support.list_pages import BIG, look, operator
from tests.support.many_rows import populate
from token_exchange.models import Credential, HourlyCount

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

CREDENTIALS = 100_000
MAX_QUERIES = 12

COUNTS = """
INSERT INTO token_exchange_hourlycount (hour, identifier, organization, outcome, count)
SELECT date_trunc('hour', now()) - n.i * interval '1 hour', c.identifier, c.organization_id, o, 7
FROM generate_series(0, 335) AS n (i), unnest(ARRAY['exchanged', 'wrong_secret']) AS o,
    (SELECT identifier, organization_id FROM token_exchange_credential ORDER BY id LIMIT 300) AS c
"""
"""Of two weeks, so that one of them is a part."""

TOTALS = """
INSERT INTO token_exchange_hourlycount (hour, identifier, organization, outcome, count)
SELECT hour, '', organization, outcome, sum(count) FROM token_exchange_hourlycount
GROUP BY hour, organization, outcome
"""

IN_USE = """
UPDATE token_exchange_credential SET previous_secret_last_used_at = now()
WHERE previous_secret_expires_at > now() AND id % 3 = 0
"""


@pytest.fixture
def many(fresh_tables):
    populate(count=CREDENTIALS, tokens_each=3, organizations=1000)
    with connection.cursor() as cursor:
        for statement in (COUNTS, TOTALS, IN_USE, "ANALYZE"):
            cursor.execute(statement)


@pytest.mark.usefixtures("many")
def test_dashboard_reads_no_whole_table():
    first = str(Credential.objects.order_by("pk")[0].organization_id)
    # Not of the first organization, which has a third of all: there a scan is the shortest way.
    small = HourlyCount.objects.exclude(identifier="").exclude(organization=first).order_by("pk")[0]
    client = operator()
    faults = {}
    for query in (
        "period=day",
        "period=week",
        f"organization={small.organization}",
        f"period=week&organization={small.organization}",
        f"period=week&credential={small.identifier}",
    ):
        seen = look(client, f"{DASHBOARD}?{query}")
        if seen.queries > MAX_QUERIES or seen.scanned & BIG:
            faults[query] = seen
    assert faults == {}
