"""The command purge_expired_tokens."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.issuer.purging.rows import make_counts, make_events
from tests.management.commands.conftest import run, text
from tests.support.factories import make_revocations, make_tokens
from token_exchange.models import AccessToken, Revocation

pytestmark = pytest.mark.django_db

NOTHING = {
    "deleted": 0,
    "revocations_deleted": 0,
    "audit_events_deleted": 0,
    "hourly_counts_deleted": 0,
}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def make_dead_tokens(count: int) -> None:
    """Create so many tokens to purge, and one to keep."""
    now = datetime.now(UTC)
    make_tokens(*[now - timedelta(days=9)] * count, now)


class TestPurgeExpiredTokens:
    def test_prints_how_many_rows_were_deleted(self):
        make_dead_tokens(3)
        make_revocations(2, expires_at=LONG_AGO)
        make_revocations(1, expires_at=datetime.now(UTC) + timedelta(minutes=5))
        assert run("purge_expired_tokens") == {**NOTHING, "deleted": 3, "revocations_deleted": 2}
        assert run("purge_expired_tokens") == NOTHING
        assert Revocation.objects.count() == 1
        assert AccessToken.objects.count() == 1

    def test_prints_a_sentence(self):
        make_dead_tokens(2)
        make_revocations(1, expires_at=LONG_AGO)
        printed = text("purge_expired_tokens", "--time-budget", "5m")
        assert printed == (
            "Deleted 2 expired tokens, 1 expired revocation, 0 old audit events and "
            "0 old hourly counts.\n"
        )

    def test_deletes_old_audit_events_and_counts(self, token_exchange_settings):
        token_exchange_settings(AUDIT_RETENTION=86_400)
        make_events(*[LONG_AGO] * 3, datetime.now(UTC))
        make_counts(*[LONG_AGO] * 2, datetime.now(UTC))
        deleted = {"audit_events_deleted": 3, "hourly_counts_deleted": 2}
        assert run("purge_expired_tokens") == {**NOTHING, **deleted}
        assert run("purge_expired_tokens") == NOTHING

    @pytest.mark.parametrize("budget", ["0", "-1", "soon", f"{10**12}d"])
    def test_refuses_an_invalid_time_budget(self, error_of, budget):
        assert f"--time-budget: '{budget}'" in error_of(
            "purge_expired_tokens", "--time-budget", budget
        )


class TestProgressBar:
    @contextmanager
    def terminal(self, monkeypatch):
        """Use a terminal as stderr; yield a list that contains its output after the block."""
        ours, theirs = pty.openpty()
        shown: list[str] = []
        with os.fdopen(theirs, "w") as stderr, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stderr)
            yield shown
        with os.fdopen(ours) as screen, suppress(OSError):  # raised at its end
            shown.extend(iter(lambda: screen.read(1), ""))

    def test_is_shown_on_a_terminal(self, monkeypatch):
        monkeypatch.setattr("token_exchange.issuer.purging.BATCH_ROWS", 2)
        make_dead_tokens(5)
        with self.terminal(monkeypatch) as shown:
            printed = text("purge_expired_tokens")
        assert printed.startswith("Deleted 5 expired tokens, 0 expired revocations, ")
        screen = "".join(shown)
        assert screen.index("Purging tokens") < screen.index("33%") < screen.index("100%")

    def test_is_shown_for_each_table(self, monkeypatch, token_exchange_settings):
        monkeypatch.setattr("token_exchange.issuer.purging.BATCH_ROWS", 2)
        token_exchange_settings(AUDIT_RETENTION=86_400)
        make_events(*[LONG_AGO] * 5)
        make_dead_tokens(5)
        with self.terminal(monkeypatch) as shown:
            text("purge_expired_tokens")
        screen = "".join(shown)
        events, tokens = screen.index("Purging audit events"), screen.index("Purging tokens")
        assert events < screen.index("100%") < tokens < screen.rindex("100%")

    def test_is_not_shown_if_there_is_nothing_to_do(self, monkeypatch):
        with self.terminal(monkeypatch) as shown:
            text("purge_expired_tokens")
        assert shown == []

    def test_is_not_shown_with_json(self, monkeypatch):
        make_dead_tokens(5)
        with self.terminal(monkeypatch) as shown:
            assert run("purge_expired_tokens") == {**NOTHING, "deleted": 5}
        assert shown == []

    def test_is_not_shown_without_a_terminal(self, capsys):
        make_dead_tokens(5)
        text("purge_expired_tokens")
        assert capsys.readouterr().err == ""
