from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext

from tests.factories import make_tokens
from tests.parallel import in_threads
from token_exchange import purging
from token_exchange.models import AccessToken
from token_exchange.purging import PurgeProgress, purge_expired_tokens

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
DEAD, LIVE = NOW - 9 * DAY, NOW + DAY


def make(*expiries: datetime) -> list[int]:
    """Make a token for each expiry, in this order; return their primary keys."""
    return [token.pk for token in make_tokens(*expiries)]


def remaining() -> list[int]:
    return list(AccessToken.objects.order_by("pk").values_list("pk", flat=True))


@pytest.fixture
def two_rows_a_window(monkeypatch):
    monkeypatch.setattr(purging, "WINDOW_ROWS", 2)


class TestWhatIsPurged:
    def test_is_what_is_past_expiry_and_retention(self):
        pks = make(NOW - DAY - SECOND, NOW - DAY, NOW - SECOND, NOW, LIVE)
        assert purge_expired_tokens(now=NOW) == 1
        assert remaining() == pks[1:]

    def test_follows_the_retention_of_the_settings(self, token_exchange_settings):
        pks = make(NOW - SECOND, NOW)
        token_exchange_settings(TOKEN_RETENTION=0)
        assert purge_expired_tokens(now=NOW) == 1
        assert remaining() == pks[1:]
        token_exchange_settings(TOKEN_RETENTION=timedelta(days=30))
        assert purge_expired_tokens(now=NOW + 29 * DAY) == 0
        assert purge_expired_tokens(now=NOW + 30 * DAY + SECOND) == 1

    def test_leaves_live_tokens_between_dead_ones(self, two_rows_a_window):
        pks = make(LIVE, DEAD, DEAD, LIVE, LIVE, LIVE, LIVE, DEAD, LIVE)
        assert purge_expired_tokens(now=NOW) == 3
        assert remaining() == [pks[index] for index in (0, 3, 4, 5, 6, 8)]

    def test_asks_no_receiver_of_delete_signals(self):
        """They would make Django load each row."""
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

    def test_is_nothing_in_an_empty_table(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert purge_expired_tokens(now=NOW) == 0

    def test_is_nothing_the_second_time(self):
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

    def test_do_not_mind_gaps(self, two_rows_a_window):
        pks = make(*[DEAD] * 9)
        AccessToken.objects.filter(pk__in=pks[1:8]).delete()
        seen: list[PurgeProgress] = []
        assert purge_expired_tokens(now=NOW, on_progress=seen.append) == 2
        assert len(seen) == 1

    def test_hold_a_thousand_rows(self):
        make(*[DEAD] * 2001)
        seen: list[PurgeProgress] = []
        assert purge_expired_tokens(now=NOW, on_progress=seen.append) == 2001
        assert [progress.deleted for progress in seen] == [1000, 2000, 2001]

    def test_take_a_fixed_number_of_queries_and_no_count(self, two_rows_a_window):
        make(*[DEAD] * 6)
        with CaptureQueriesContext(connection) as captured:
            purge_expired_tokens(now=NOW)
        statements = [query["sql"].split()[0] for query in captured]
        a_window = {
            "postgresql": ["SELECT", "SAVEPOINT", "SELECT", "DELETE", "RELEASE"],
            "sqlite": ["SELECT", "SAVEPOINT", "DELETE", "RELEASE"],
        }[connection.vendor]
        assert statements == ["SELECT", *a_window * 3]
        assert not any("COUNT(" in query["sql"].upper() for query in captured)

    def test_do_not_look_at_tokens_that_are_made_meanwhile(self, two_rows_a_window):
        make(DEAD, DEAD, DEAD)
        made: list[int] = []

        def make_more(progress: PurgeProgress) -> None:
            made.extend(make(DEAD))

        assert purge_expired_tokens(now=NOW, on_progress=make_more) == 3
        assert remaining() == made
        assert len(made) == 2


class TestTimeBudget:
    def test_ends_the_run_and_the_next_one_goes_on(self, two_rows_a_window, elapsed):
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
    def test_keeps_what_it_did_and_the_next_one_finishes(self, two_rows_a_window):
        make(*[DEAD] * 5)

        def be_killed(progress: PurgeProgress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            purge_expired_tokens(now=NOW, on_progress=be_killed)
        assert len(remaining()) == 3
        assert purge_expired_tokens(now=NOW) == 3


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestWithOthersAtWork:
    def test_leaves_out_a_row_that_somebody_holds(self):
        pks = make(DEAD, DEAD, DEAD)
        held, done = Event(), Event()

        def hold() -> None:
            with transaction.atomic():
                AccessToken.objects.select_for_update().get(pk=pks[1])
                held.set()
                done.wait(timeout=20)
            connections.close_all()

        holder = Thread(target=hold)
        holder.start()
        try:
            assert held.wait(timeout=20)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            assert purge_expired_tokens(now=NOW) == 2
            assert remaining() == [pks[1]]
        finally:
            done.set()
            holder.join(timeout=20)
        assert purge_expired_tokens(now=NOW) == 1

    def test_shares_the_rows_with_another_purge(self, two_rows_a_window):
        make(*[DEAD] * 200)
        assert sum(in_threads(4, lambda: purge_expired_tokens(now=NOW))) == 200
        assert remaining() == []

    def test_each_window_is_a_transaction_of_its_own(self, two_rows_a_window):
        make(DEAD, DEAD, DEAD)
        with CaptureQueriesContext(connection) as captured:
            purge_expired_tokens(now=NOW)
        statements = [query["sql"].split()[0] for query in captured]
        assert statements == [
            *("SELECT",),
            *("SELECT", "BEGIN", "SELECT", "DELETE", "COMMIT"),
            *("SELECT", "BEGIN", "SELECT", "DELETE", "COMMIT"),
        ]
        assert any("SKIP LOCKED" in query["sql"] for query in captured)
