"""Rows that other transactions lock, and simultaneous purges."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from tests.issuer.purging.rows import DEAD, LIVE, NOW, SECOND, make, remaining
from tests.support.threads import in_threads
from token_exchange.issuer import purging
from token_exchange.issuer.purging import purge_expired_tokens
from token_exchange.models import AccessToken


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestConcurrentPurge:
    @contextmanager
    def holding(self, *pks: int):
        """Lock these rows in another transaction."""
        held, done = Event(), Event()

        def hold() -> None:
            with transaction.atomic():
                list(AccessToken.objects.select_for_update().filter(pk__in=pks))
                held.set()
                done.wait(timeout=20)
            connections.close_all()

        holder = Thread(target=hold)
        holder.start()
        try:
            assert held.wait(timeout=20)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            yield
        finally:
            done.set()
            holder.join(timeout=20)

    def test_skips_a_locked_row(self):
        pks = make(DEAD, DEAD, DEAD)
        with self.holding(pks[1]):
            assert purge_expired_tokens(now=NOW) == 2
            assert remaining() == [pks[1]]
        assert purge_expired_tokens(now=NOW) == 1

    def test_skips_locked_rows_found_by_expiry(self, two_rows_a_window, monkeypatch):
        monkeypatch.setattr(purging, "LIVE_ROWS_IN_A_ROW", 4)
        second, third = make(*[LIVE] * 5, DEAD - SECOND, DEAD, DEAD)[-2:]
        with self.holding(second, third):
            assert purge_expired_tokens(now=NOW) == 1
            assert remaining()[-2:] == [second, third]
        assert purge_expired_tokens(now=NOW) == 2

    def test_shares_the_rows_with_another_purge(self, two_rows_a_window):
        make(*[DEAD] * 200)
        assert sum(in_threads(4, lambda: purge_expired_tokens(now=NOW))) == 200
        assert remaining() == []

    def test_uses_a_transaction_for_each_window(self, two_rows_a_window):
        make(DEAD, DEAD, DEAD)
        with CaptureQueriesContext(connection) as captured:
            purge_expired_tokens(now=NOW)
        statements = [query["sql"].split()[0] for query in captured]
        assert statements == ["SELECT", "SELECT", *["BEGIN", "SET", "DELETE", "COMMIT"] * 2]
