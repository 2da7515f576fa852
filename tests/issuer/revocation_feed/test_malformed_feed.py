"""Feed rows that this version does not understand."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from tests.issuer.revocation_feed.token_holders import Subject, revoke
from token_exchange.issuer import revocation_feed
from token_exchange.models import Revocation, RevocationFeed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("elapsed")]


def written_by_sql(**values: Any) -> None:
    """Write a row as no code of ours would."""
    RevocationFeed.objects.update(position=F("position") + 1)
    row = {
        "kind": "token",
        "subject": "x",
        "generation": None,
        "position": RevocationFeed.objects.get().position,
        "expires_at": timezone.now() + timedelta(days=1),
        **values,
    }
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        table = Revocation._meta.db_table
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))


class TestMalformedRow:
    """What it ends is not known: nothing is accepted until somebody has mended it."""

    SPOILED = (
        {"kind": "tenant"},
        {"kind": ""},
        {"kind": "TOKEN"},
    )

    @pytest.fixture(autouse=True)
    def _known_feed(self, db):
        """A feed that has begun, and that this process has read."""
        revoke(Subject("machine"))
        revocation_feed.revocations()

    @pytest.mark.parametrize("values", SPOILED)
    def test_is_503_and_told_once(self, subject, elapsed, caplog, values):
        written_by_sql(**values)
        elapsed.seconds += 1
        for _ in range(3):
            answer = subject.client.get(
                "/bearer", headers={"authorization": f"Bearer {subject.token}"}
            )
            assert answer.status_code == 503
            assert answer.json()["error"] == "temporarily_unavailable"
            assert int(answer["Retry-After"]) > 0
            elapsed.seconds += 1
        said = [each for each in caplog.records if each.name == "token_exchange"]
        told = [each for each in said if each.event == "revocation.malformed"]
        assert [(each.levelno, each.event_fields) for each in told] == [
            (logging.ERROR, {"primary_keys": [Revocation.objects.latest("pk").pk]})
        ]
        failed = [each for each in said if each.event == "bearer.failed"]
        assert [each.event_fields["reason"] for each in failed] == ["feed_malformed"] * 3
        assert {each.levelno for each in failed} == {logging.ERROR}

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="a column holds what is of its type")
    @pytest.mark.parametrize("values", [{"generation": "three"}, {"expires_at": "when it is dead"}])
    def test_of_a_value_of_another_type(self, subject, elapsed, values):
        written_by_sql(**values)
        elapsed.seconds += 1
        assert [subject.show(), subject.show()] == [503, 503]

    def test_leaves_the_rest_of_the_service_alone(self, subject, elapsed):
        written_by_sql(kind="tenant")
        elapsed.seconds += 1
        assert subject.show() == 503
        assert subject.use() == 200
        assert subject.exchange().status_code == 200

    def test_is_over_once_it_is_mended(self, subject, another, elapsed):
        written_by_sql(kind="tenant")
        revoke(another)
        assert (subject.show(), another.show()) == (503, 503)
        Revocation.objects.filter(kind="tenant").delete()
        assert (subject.show(), another.show()) == (200, 401)

    def test_does_not_hide_the_others(
        self, subject, another, elapsed, elsewhere, token_exchange_settings
    ):
        """Where the project goes on for a while with what is known, that grows still."""
        token_exchange_settings(REVOCATION_MAX_STALENESS=60)
        assert (subject.show(), another.show()) == (200, 200)
        written_by_sql(kind="tenant")
        with elsewhere():
            revoke(another)
        elapsed.seconds += 1
        assert (subject.show(), another.show()) == (200, 401)
        elapsed.seconds += 60
        assert (subject.show(), another.show()) == (503, 503)

    def test_that_is_expired_concerns_nobody(self, subject, elapsed):
        written_by_sql(kind="tenant", expires_at=timezone.now() - timedelta(seconds=1))
        elapsed.seconds += 1
        assert subject.show() == 200
