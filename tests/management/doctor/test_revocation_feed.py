"""Findings about the revocation feed."""

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
KNOWN = ("ok", "This version knows the kind of every row.")


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


def fix(report: Report) -> None:
    """Follow the hint, and start with empty caches."""
    statements = report.hint("revocation feed").removeprefix("Run in manage.py dbshell: ")
    with connection.cursor() as cursor:
        for statement in filter(None, statements.split(";")):
            cursor.execute(statement)
    process_state.clear_caches()


def test_empty_feed_is_ok():
    assert examine().of("revocation feed") == [
        ("ok", "Nothing has been revoked yet."),
        KNOWN,
        ("ok", "A follower reads every live revocation (0)."),
    ]


def test_feed_with_every_kind_of_row_is_ok():
    for kind in RevocationKind:
        with revoking(using="default") as feed:
            feed.revoke_all(kind, "subject")
    make_row(expires_at=NOW)
    assert examine().of("revocation feed") == [
        ("ok", "The feed's position is 4."),
        KNOWN,
        ("ok", "A follower reads every live revocation (4)."),
    ]


class TestRowsWithoutPosition:
    def test_are_an_error_that_the_hint_fixes(self):
        RevocationFeed.objects.all().delete()
        make_row(position=7)
        report = examine()
        expected = (
            "The feed has rows but no position, so no follower reads them: revoked tokens are "
            "accepted."
        )
        assert report.of("revocation feed") == [("error", expected)]
        fix(report)
        assert RevocationFeed.objects.get().position == 7
        assert {level for level, _ in examine().of("revocation feed")} == {"ok"}


class TestPositionBehindItsRows:
    def test_is_an_error_that_the_hint_fixes(self):
        RevocationFeed.objects.update(epoch="before", position=3)
        make_row(position=9)
        report = examine()
        expected = (
            "The feed's position is 3, but a row has position 9 (after a restore or a manual "
            "change): followers may miss the next revocations."
        )
        assert report.of("revocation feed")[0] == ("error", expected)
        fix(report)
        feed = RevocationFeed.objects.get()
        assert feed.position == 9
        assert feed.epoch != "before"
        assert {level for level, _ in examine().of("revocation feed")} == {"ok"}


class TestRowBelowTheFirstPosition:
    @pytest.mark.parametrize("position", [0, 5])
    def test_is_an_error_that_the_hint_fixes(self, position):
        RevocationFeed.objects.update(epoch="before", position=position)
        make_row(position=0)
        report = examine()
        expected = (
            "A follower reads only 0 of 1 live revocations: the others have a position below 1."
        )
        assert report.of("revocation feed")[-1] == ("error", expected)
        fix(report)
        assert examine().of("revocation feed")[-1] == (
            "ok",
            "A follower reads every live revocation (1).",
        )


class TestRowOfAnUnknownKind:
    def test_is_an_error(self):
        RevocationFeed.objects.update(epoch="epoch", position=3)
        kinds = enumerate(["planet", "token", "star"], start=1)
        rows = [make_row(kind=kind, position=position) for position, kind in kinds]
        report = examine()
        expected = (
            "2 rows have an unknown kind, so no bearer token can be verified: "
            f"'star' (id {rows[2].pk}), 'planet' (id {rows[0].pk})."
        )
        assert report.of("revocation feed") == [
            ("ok", "The feed's position is 3."),
            ("error", expected),
        ]
        assert "delete them from token_exchange_revocation." in report.hint("revocation feed")


def test_at_most_10_000_rows_are_counted():
    with revoking(using="default") as feed:
        feed.revoke_tokens((f"jti-{number}", NOW) for number in range(10_002))
    expected = "A follower reads every live revocation (more than 10000)."
    with CaptureQueriesContext(connection) as queries:
        assert examine().of("revocation feed")[-1] == ("ok", expected)
    assert len([each for each in queries if each["sql"].endswith(" LIMIT 10001")]) == 1
