from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.management.doctor.reports import Report, examine
from token_exchange.models import Revocation, RevocationFeed
from token_exchange.models.revocation_writer import revoking
from token_exchange_core import process_state
from token_exchange_core.revocation_set import RevocationKind

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = ("ok", "Each row is of a kind that this version knows.")


@pytest.fixture(autouse=True)
def _clock():
    with time_machine.travel(NOW, tick=False):
        yield


def make_row(**values):
    defaults = {
        "kind": "credential",
        "subject": f"sk_live.{Revocation.objects.count()}",
        "position": 1,
        "expires_at": NOW + timedelta(days=1),
    }
    return Revocation.objects.create(**{**defaults, **values})


def mend(report: Report) -> None:
    """Do as the hint says, and start a new process."""
    statements = report.hint("revocation feed").removeprefix("Run in manage.py dbshell: ")
    with connection.cursor() as cursor:
        for statement in filter(None, statements.split(";")):
            cursor.execute(statement)
    process_state.clear_caches()


def test_nothing_was_revoked():
    assert examine().of("revocation feed") == [
        ("ok", "Nothing was ever revoked."),
        KNOWN,
        ("ok", "A follower learns of every live revocation, 0 in all."),
    ]


def test_all_is_well():
    for kind in RevocationKind:
        with revoking(using="default") as feed:
            feed.revoke_all(kind, "subject")
    make_row(expires_at=NOW)
    assert examine().of("revocation feed") == [
        ("ok", "It stands at 4."),
        KNOWN,
        ("ok", "A follower learns of every live revocation, 4 in all."),
    ]


class TestRowsWithoutCounter:
    def test_are_an_error_that_can_be_mended(self):
        make_row(position=7)
        report = examine()
        told = (
            "The feed has rows and no counter, so nobody learns of them: what was revoked is "
            "accepted."
        )
        assert report.of("revocation feed") == [("error", told)]
        mend(report)
        assert RevocationFeed.objects.get().position == 7
        assert {level for level, _ in examine().of("revocation feed")} == {"ok"}


class TestCounterBehindItsRows:
    def test_is_an_error_that_can_be_mended(self):
        RevocationFeed.objects.create(pk=1, epoch="before", position=3)
        make_row(position=9)
        report = examine()
        told = (
            "The counter stands at 3, behind a row at 9, as after a restore or an edit by hand: "
            "whoever follows the feed may miss what is revoked next."
        )
        assert report.of("revocation feed")[0] == ("error", told)
        mend(report)
        feed = RevocationFeed.objects.get()
        assert feed.position == 9
        assert feed.epoch != "before"
        assert {level for level, _ in examine().of("revocation feed")} == {"ok"}


class TestRowThatNobodyReads:
    @pytest.mark.parametrize("position", [0, 5])
    def test_is_an_error_that_can_be_mended(self, position):
        RevocationFeed.objects.create(pk=1, epoch="before", position=position)
        make_row(position=0)
        report = examine()
        told = (
            "Of 1 live revocations, a follower learns of 0 only: some have a position that nobody "
            "reads."
        )
        assert report.of("revocation feed")[-1] == ("error", told)
        mend(report)
        assert examine().of("revocation feed")[-1] == (
            "ok",
            "A follower learns of every live revocation, 1 in all.",
        )


class TestRowOfAnUnknownKind:
    def test_is_an_error(self):
        RevocationFeed.objects.create(pk=1, epoch="epoch", position=3)
        kinds = enumerate(["planet", "token", "star"], start=1)
        rows = [make_row(kind=kind, position=position) for position, kind in kinds]
        report = examine()
        told = (
            "2 rows are of a kind that nobody knows, and no bearer token can be verified: "
            f"'star' (id {rows[2].pk}), 'planet' (id {rows[0].pk})."
        )
        assert report.of("revocation feed") == [("ok", "It stands at 3."), ("error", told)]
        assert "delete them from token_exchange_revocation." in report.hint("revocation feed")


def test_only_so_many_rows_are_counted():
    with revoking(using="default") as feed:
        feed.revoke_tokens((f"jti-{number}", NOW) for number in range(10_002))
    told = "A follower learns of every live revocation, more than 10000 in all."
    with CaptureQueriesContext(connection) as queries:
        assert examine().of("revocation feed")[-1] == ("ok", told)
    assert len([each for each in queries if each["sql"].endswith(" LIMIT 10001")]) == 1
