"""The purge of audit events and hourly counts, by age."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.issuer.purging.rows import DAY, DEAD, LIVE, NOW, SECOND, make, make_counts, make_events
from token_exchange.issuer import purging
from token_exchange.issuer.purging import (
    Purged,
    PurgeProgress,
    purge_audit_events,
    purge_expired,
    purge_old_counts,
)
from token_exchange.models import AuditEvent, HourlyCount

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_others():
    """Delete the event that the migration wrote."""
    AuditEvent.objects.all()._raw_delete("default")


@pytest.fixture
def _kept_for_a_day(token_exchange_settings):
    token_exchange_settings(AUDIT_RETENTION=86_400)


def events_left():
    return list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))


class TestAuditEvents:
    def test_are_kept_without_audit_retention(self, django_assert_num_queries):
        make_events(DEAD - 1000 * DAY)
        with django_assert_num_queries(0):
            assert purge_audit_events(now=NOW) == 0
        assert len(events_left()) == 1

    def test_are_deleted_after_audit_retention(self, token_exchange_settings):
        token_exchange_settings(AUDIT_RETENTION=timedelta(days=90))
        events = make_events(NOW - 90 * DAY - SECOND, NOW - 90 * DAY, NOW)
        assert purge_audit_events(now=NOW) == 1
        assert events_left() == [each.pk for each in events[1:]]

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_younger_ones_are_not_read(self, two_rows_a_window):
        make_events(*[DEAD] * 4, *[NOW] * 50)
        with CaptureQueriesContext(connection) as captured:
            assert purge_audit_events(now=NOW) == 4
        statements = [query["sql"].split()[0] for query in captured]
        assert statements.count("DELETE") == 2
        assert statements.count("SELECT") == 3  # the database's clock, and twice the rows
        assert not any("COUNT(" in query["sql"].upper() for query in captured)

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_out_of_order_are_deleted_by_later_runs(self):
        make_events(NOW - 3 * DAY, NOW, NOW - 2 * DAY, NOW, NOW - 9 * DAY, NOW - 2 * DAY)
        assert sum(purge_audit_events(now=NOW) for _ in range(5)) == 4
        make_events(NOW - 2 * DAY, NOW - 9 * DAY)
        assert sum(purge_audit_events(now=NOW) for _ in range(5)) == 2
        assert len(events_left()) == 2

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_after_many_younger_ones_are_found_by_time(self, two_rows_a_window, monkeypatch):
        monkeypatch.setattr(purging, "LIVE_ROWS_IN_A_ROW", 4)
        make_events(*[NOW] * 50, DEAD, DEAD)
        with CaptureQueriesContext(connection) as captured:
            assert purge_audit_events(now=NOW) == 2
        assert len([query for query in captured if query["sql"].startswith("DELETE")]) < 6
        assert len(events_left()) == 50

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_report_progress(self, two_rows_a_window):
        first, _, last = (each.pk for each in make_events(DEAD, DEAD, DEAD))
        seen: list[PurgeProgress] = []
        purge_audit_events(now=NOW, on_progress=seen.append)
        assert seen == [
            PurgeProgress(
                what="audit events", deleted=count, first_pk=first, reached_pk=pk, last_pk=last
            )
            for count, pk in ((2, first + 1), (3, last))
        ]

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_deleted_by_a_killed_run_stay_deleted(self, two_rows_a_window):
        make_events(*[DEAD] * 5)

        def be_killed(progress: PurgeProgress) -> None:
            if progress.deleted:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            purge_audit_events(now=NOW, on_progress=be_killed)
        assert 0 < len(events_left()) < 5
        purge_audit_events(now=NOW)
        assert events_left() == []


class TestHourlyCounts:
    def test_are_deleted_after_15_days(self):
        make_counts(NOW - 15 * DAY - SECOND, NOW - 15 * DAY, NOW)
        assert purge_old_counts(now=NOW) == 1
        assert HourlyCount.objects.count() == 2

    def test_of_one_hour_are_deleted_in_windows(self, two_rows_a_window):
        make_counts(*[NOW - 20 * DAY] * 5, *[NOW] * 20)
        with CaptureQueriesContext(connection) as captured:
            assert purge_old_counts(now=NOW) == 5
        assert len([query for query in captured if query["sql"].startswith("DELETE")]) == 3


class TestAllTables:
    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_are_purged_in_one_run(self):
        make(DEAD, DEAD, LIVE)
        make_events(DEAD)
        make_counts(NOW - 20 * DAY, NOW - 20 * DAY, NOW - 20 * DAY)
        expected = Purged(tokens=2, revocations=0, audit_events=1, hourly_counts=3)
        assert purge_expired(now=NOW) == expected

    @pytest.mark.usefixtures("_kept_for_a_day")
    def test_share_the_time_budget(self, two_rows_a_window, elapsed):
        make(*[DEAD] * 4)
        make_events(*[DEAD] * 2)
        make_counts(NOW - 20 * DAY)

        def take_a_second(execute, sql, *arguments):
            elapsed.seconds += sql.startswith("DELETE")
            return execute(sql, *arguments)

        with connection.execute_wrapper(take_a_second):
            purged = [purge_expired(now=NOW, time_budget_seconds=3) for _ in range(2)]
        assert [each.hourly_counts for each in purged] == [1, 0]
        assert [each.audit_events for each in purged] == [2, 0]
        assert sum(each.tokens for each in purged) == 4
