"""The purge of tokens and revocations: what it deletes, windows, time budget."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext

from tests.issuer.purging.rows import DAY, DEAD, LIVE, NOW, SECOND, make, remaining
from tests.support.factories import make_revocations, make_tokens
from token_exchange.issuer import purging
from token_exchange.issuer.purging import Purged, PurgeProgress, purge_expired, purge_expired_tokens
from token_exchange.models import AccessToken, Revocation, RevocationFeed
from token_exchange.models.revocation_writer import revoking
from token_exchange_core.revocation_set import RevocationKind

pytestmark = pytest.mark.django_db


def windows(**arguments: object) -> list[PurgeProgress]:
    """Purge; return the progress after each window."""
    seen: list[PurgeProgress] = []
    purge_expired_tokens(now=NOW, on_progress=seen.append, **arguments)
    return seen


class TestDeletedTokens:
    def test_are_past_expiry_and_retention(self):
        pks = make(NOW - DAY - SECOND, NOW - DAY, NOW - SECOND, NOW, LIVE)
        assert purge_expired_tokens(now=NOW) == 1
        assert remaining() == pks[1:]

    def test_follow_token_retention(self, token_exchange_settings):
        pks = make(NOW - SECOND, NOW)
        token_exchange_settings(TOKEN_RETENTION=0)
        assert purge_expired_tokens(now=NOW) == 1
        assert remaining() == pks[1:]
        token_exchange_settings(TOKEN_RETENTION=timedelta(days=30))
        assert purge_expired_tokens(now=NOW + 29 * DAY) == 0
        assert purge_expired_tokens(now=NOW + 30 * DAY + SECOND) == 1

    def test_do_not_include_live_tokens_between_them(self, two_rows_a_window):
        pks = make(LIVE, DEAD, DEAD, LIVE, LIVE, LIVE, LIVE, DEAD, LIVE)
        assert purge_expired_tokens(now=NOW) == 3
        assert remaining() == [pks[index] for index in (0, 3, 4, 5, 6, 8)]

    def test_send_no_delete_signals(self):
        """With receivers Django would load each row."""
        asked = []

        def receiver(**arguments: object) -> None:
            asked.append(arguments)

        pre_delete.connect(receiver, sender=AccessToken)
        try:
            make(DEAD)
            assert purge_expired_tokens(now=NOW) == 1
        finally:
            pre_delete.disconnect(receiver, sender=AccessToken)
        assert asked == []

    def test_are_none_in_an_empty_table(self, django_assert_num_queries):
        with django_assert_num_queries(2):
            assert purge_expired_tokens(now=NOW) == 0

    def test_are_none_the_second_time(self):
        make(DEAD, DEAD)
        assert [purge_expired_tokens(now=NOW) for _ in range(3)] == [2, 0, 0]


class TestWindows:
    def test_move_through_the_primary_keys(self, two_rows_a_window):
        first, *_, last = pks = make(DEAD, DEAD, LIVE, DEAD, DEAD)
        seen: list[PurgeProgress] = []
        assert purge_expired_tokens(now=NOW, on_progress=seen.append) == 4
        assert seen == [
            PurgeProgress(deleted=deleted, first_pk=first, reached_pk=reached, last_pk=last)
            for deleted, reached in [(2, pks[1]), (3, pks[3]), (4, pks[4])]
        ]

    def test_may_have_gaps(self, two_rows_a_window):
        pks = make(*[DEAD] * 9)
        AccessToken.objects.filter(pk__in=pks[1:8]).delete()
        assert [progress.deleted for progress in windows()] == [1, 1, 2]

    @pytest.mark.parametrize("before_the_gap", [DEAD, LIVE])
    def test_skip_a_huge_gap(self, two_rows_a_window, before_the_gap):
        pk = make(before_the_gap)[0]
        make_tokens(DEAD, pk=pk + 10**15)
        assert len(windows()) < 4
        assert AccessToken.objects.filter(expires_at=DEAD).count() == 0

    def test_grow_from_1000_to_5000_rows_while_they_are_fast(self, elapsed):
        first = make(DEAD)[0]
        for rows_before in (1000, 3000, 7000, 12000):
            make_tokens(DEAD, pk=first + rows_before)
        reached = [progress.reached_pk - first + 1 for progress in windows()]
        assert reached == [1000, 3000, 7000, 12000, 12001]

    def test_shrink_when_they_are_slow(self, elapsed, monkeypatch):
        monkeypatch.setattr(purging, "BATCH_ROWS", 8)
        make(*[DEAD] * 20)
        seconds = iter([0.021, 0.021, 0.02, 0.021, 0.021, 1, 1, 0])

        def be_slow(execute, sql, *arguments):
            if sql.startswith("DELETE"):
                elapsed.seconds += next(seconds, 0)
            return execute(sql, *arguments)

        with connection.execute_wrapper(be_slow):
            deleted = [progress.deleted for progress in windows()]
        assert deleted == [8, 12, 14, 16, 17, 18, 19, 20]

    def test_need_a_fixed_number_of_queries_and_no_count(self, two_rows_a_window):
        make(*[DEAD] * 6)
        with CaptureQueriesContext(connection) as captured:
            purge_expired_tokens(now=NOW)
        statements = [query["sql"].split()[0] for query in captured]
        a_window = {
            "postgresql": ["SAVEPOINT", "SET", "DELETE", "RELEASE"],
            "sqlite": ["SAVEPOINT", "DELETE", "RELEASE"],
        }[connection.vendor]
        assert statements == ["SELECT", "SELECT", *a_window * 3]
        assert not any("COUNT(" in query["sql"].upper() for query in captured)

    def test_do_not_include_tokens_created_during_the_purge(self, two_rows_a_window):
        make(DEAD, DEAD, DEAD)
        made: list[int] = []

        def make_more(progress: PurgeProgress) -> None:
            made.extend(make(DEAD))

        assert purge_expired_tokens(now=NOW, on_progress=make_more) == 3
        assert remaining() == made
        assert len(made) == 2


class TestManyLiveRows:
    """After very many of them, here four, the purge looks up expired rows by their expiry."""

    @pytest.fixture(autouse=True)
    def _four_are_many(self, two_rows_a_window, monkeypatch):
        monkeypatch.setattr(purging, "LIVE_ROWS_IN_A_ROW", 4)

    def test_are_not_read(self):
        make(DEAD, *[LIVE] * 50, DEAD, *[LIVE] * 50)
        with CaptureQueriesContext(connection) as captured:
            assert purge_expired_tokens(now=NOW) == 2
        assert len([query for query in captured if query["sql"].startswith("DELETE")]) == 4
        assert len(remaining()) == 100

    def test_can_precede_many_expired_ones(self):
        pks = make(*[LIVE] * 5, *[DEAD - SECOND * (n // 3) for n in range(30)], NOW)
        seen = windows()
        assert remaining() == [*pks[:5], pks[-1]]
        assert seen[-1].deleted == 30
        assert seen[-1].reached_pk == seen[-1].last_pk

    def test_can_precede_expired_ones_with_the_same_expiry(self):
        make(*[LIVE] * 5, *[DEAD] * 9)
        assert windows()[-1].deleted == 9

    def test_with_an_expired_one_in_each_window_are_not_many(self):
        make(*[LIVE, LIVE, DEAD, LIVE] * 10, LIVE, LIVE)
        assert len(windows()) == 21

    def test_respect_the_time_budget(self, elapsed):
        make(*[LIVE] * 5, *[DEAD] * 9)

        def take_a_second(progress: PurgeProgress) -> None:
            elapsed.seconds += 1
            seen.append(progress)

        seen: list[PurgeProgress] = []
        deleted = purge_expired_tokens(now=NOW, time_budget_seconds=5, on_progress=take_a_second)
        assert deleted == 6
        assert seen[-1].reached_pk < seen[-1].last_pk


class TestRevocations:
    def test_are_purged_when_they_have_expired(self):
        make_revocations(3, expires_at=NOW - SECOND)
        live = make_revocations(2, expires_at=NOW)
        make(DEAD, LIVE)
        assert purge_expired(now=NOW) == Purged(tokens=1, revocations=3)
        assert list(Revocation.objects.all()) == live
        assert purge_expired(now=NOW) == Purged(tokens=0, revocations=0)

    def test_do_not_change_the_feeds_position(self):
        with revoking(using="default") as recorder:
            recorder.revoke_all(RevocationKind.USER, "1")
        before = RevocationFeed.objects.values().get()
        Revocation.objects.update(expires_at=DEAD)
        assert purge_expired(now=NOW).revocations == 1
        assert RevocationFeed.objects.values().get() == before

    def test_share_the_time_budget_with_the_tokens(self, two_rows_a_window, elapsed):
        make(*[DEAD] * 4)
        make_revocations(3, expires_at=DEAD)

        def take_a_second(execute, sql, *arguments):
            elapsed.seconds += sql.startswith("DELETE")
            return execute(sql, *arguments)

        with connection.execute_wrapper(take_a_second):
            purged = [purge_expired(now=NOW, time_budget_seconds=3) for _ in range(2)]
        assert purged == [Purged(tokens=2, revocations=3), Purged(tokens=2, revocations=0)]

    def test_report_no_progress(self):
        make_revocations(3, expires_at=DEAD)
        seen: list[PurgeProgress] = []
        purge_expired(now=NOW, on_progress=seen.append)
        assert seen == []


class TestTimeBudget:
    def test_stops_the_run_and_the_next_one_continues(self, two_rows_a_window, elapsed):
        make(*[DEAD] * 7)

        def take_a_second(progress: PurgeProgress) -> None:
            elapsed.seconds += 1

        def purge(budget: float) -> int:
            return purge_expired_tokens(
                now=NOW, time_budget_seconds=budget, on_progress=take_a_second
            )

        assert [purge(0), purge(1), purge(1.5), purge(100)] == [0, 2, 4, 1]
        assert remaining() == []


class TestKilledRun:
    def test_keeps_its_deletions_and_the_next_one_finishes(self, two_rows_a_window):
        make(*[DEAD] * 5)

        def be_killed(progress: PurgeProgress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            purge_expired_tokens(now=NOW, on_progress=be_killed)
        assert len(remaining()) == 3
        assert purge_expired_tokens(now=NOW) == 3
