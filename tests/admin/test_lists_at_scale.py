"""What the database reads for the lists, when there are many rows of everything.

PostgreSQL explains each query; what it chooses depends on how many rows there are.
"""

from __future__ import annotations

import pytest
from django.db import connection

from tests.support.list_pages import BIG, list_pages, look, operator
from tests.support.many_rows import populate

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

CREDENTIALS = 100_000
MAX_QUERIES = 12
BIGGEST_SHARE = 11
"""One in so many is the biggest organization's; of a third, a scan might be the cheapest way."""
MAX_ROWS = 60_000
"""Of the credentials, the tokens and the events together; each table alone has more."""


@pytest.fixture
def many(fresh_tables):
    populate(count=CREDENTIALS, tokens_each=3, organizations=1000, biggest_share=BIGGEST_SHARE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("many")
def test_change_lists_read_no_whole_table():
    client = operator()
    faults = {}
    for title, url in list_pages().items():
        seen = look(client, url)
        if seen.queries > MAX_QUERIES or seen.scanned & BIG or seen.rows > MAX_ROWS:
            faults[title] = seen
    assert faults == {}
