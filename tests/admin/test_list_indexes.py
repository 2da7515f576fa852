"""Each index of credentials is needed by a change list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.support.factories import make_organization, make_user
from token_exchange.models import Credential

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

ROWS = 10_000
MOST_ARE_REVOKED = 90
"""Of a hundred; each of the others is what one list looks for."""
USERS, EXPIRED, EXPIRING, ROTATING, SMALL, APP = range(MOST_ARE_REVOKED, 96)


@pytest.fixture
def _many(fresh_tables):
    big, small, owner, now = make_organization(), make_organization(), make_user(), timezone.now()
    later = {EXPIRED: now - timedelta(days=1), EXPIRING: now + timedelta(days=1)}
    Credential.objects.bulk_create(
        Credential(
            kind="client_app" if which == APP else "api_key",
            identifier=f"sk_live.{number:012}",
            name=f"Key {number}",
            organization=small if which == SMALL else big,
            subject_type="user" if which == USERS else "organization",
            owner=owner if which == USERS else None,
            secret_digest=f"{number:064}",
            secret_issued_at=now,
            created_at=now,
            expires_at=later.get(which),
            previous_secret_digest=f"{number:064}" if which == ROTATING else None,
            previous_secret_expires_at=now + timedelta(days=1) if which == ROTATING else None,
            revoked_at=now - timedelta(seconds=number) if which < MOST_ARE_REVOKED else None,
        )
        for number in range(ROWS)
        for which in [number % 100]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE token_exchange_credential")


def plans(operator, url):
    """Return how the database finds what a page shows."""
    with CaptureQueriesContext(connection) as captured:
        assert operator.get(url).status_code == 200
    for query in list(captured):
        if query["sql"].startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {query['sql']}")
                yield from (line for (line,) in cursor.fetchall())


@pytest.mark.usefixtures("_many")
def test_each_index_serves_a_change_list(operator):
    small = Credential.objects.get(identifier=f"sk_live.{SMALL:012}").organization_id
    wanted = {
        "kind": ("clientapp", ""),
        "subject": ("apikey", "subject_type=user"),
        "tenant": ("apikey", f"organization={small}"),
        "name": ("apikey", "o=1"),
        "name_begins": ("apikey", "q=Key 777"),
        "unrevoked": ("apikey", "state=active"),
        "expiring": ("apikey", "state=expired"),
        "rotating": ("apikey", "state=rotating"),
        "ended": ("apikey", "state=revoked"),
    }
    assert {f"token_exchange_{name}" for name in wanted} == {
        each.name for each in Credential._meta.indexes
    }
    idle = []
    for name, (model, query) in wanted.items():
        lines = plans(operator, f"{reverse(f'admin:token_exchange_{model}_changelist')}?{query}")
        if not any(f" token_exchange_{name} " in f"{line} " for line in lines):
            idle.append(name)
    assert idle == []
