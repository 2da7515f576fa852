from __future__ import annotations

import re
import threading

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from tests.management.doctor.reports import examine
from tests.support.subprocesses import environment, run_python

NEEDS_IT = ("clock", "signing keys", "revocation feed", "purge", "warnings")


@pytest.mark.django_db
class TestReached:
    def test_all_is_well(self):
        (answers, *others) = examine().of("database")
        name = connection.display_name
        assert answers[0] == "ok"
        assert re.fullmatch(rf"{name} answers in [0-9]+\.[0-9] ms\.", answers[1])
        assert others[:2] == [
            ("ok", "All migrations are applied."),
            ("ok", "It can be written to."),
        ]

    def test_not_migrated(self):
        MigrationRecorder(connection).record_unapplied("token_exchange", "0001_initial")
        report = examine()
        assert report.of("database")[1:] == [("error", "Not applied: token_exchange.0001_initial.")]
        assert report.hint("database") == "Run: python manage.py migrate"
        for subject in NEEDS_IT:
            assert report.of(subject) == [
                ("warning", "Not examined, because of the fault in: database.")
            ]


@pytest.fixture
def session(transactional_db):
    """Change this connection: ``session("PRAGMA query_only = ON")``."""

    def execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield execute
    connection.close() if connection.vendor == "postgresql" else execute("PRAGMA query_only = OFF")


class TestReadOnly:
    @pytest.fixture(autouse=True)
    def _read_only(self, session):
        is_postgresql = connection.vendor == "postgresql"
        session(
            "SET default_transaction_read_only = on" if is_postgresql else "PRAGMA query_only = ON"
        )

    def test_is_an_error_and_the_rest_is_examined(self):
        report = examine()
        (error,) = [text for level, text in report.of("database") if level == "error"]
        assert error.startswith("Nothing can be written: ")
        assert "read" in error.partition(": ")[2]
        assert report.hint("database").startswith("Let DATABASES['default'] name the primary, ")
        assert report.of("clock") == [("ok", "This machine's clock and the database's agree.")]


@pytest.mark.postgresql
class TestIsolation:
    def test_of_a_session_by_default(self, session):
        session("SET default_transaction_isolation = 'read committed'")
        told = ("ok", "Transactions are isolated as read committed.")
        assert examine().of("database")[-1] == told

    def test_that_hides_what_others_revoke(self, session):
        session("SET default_transaction_isolation = 'repeatable read'")
        level, text = examine().of("database")[-1]
        assert level == "warning"
        assert text.startswith("Transactions are isolated as repeatable read: ")


@pytest.mark.postgresql
class TestLockedTable:
    @pytest.fixture
    def _locked(self, transactional_db):
        """Somebody holds the table of the keys, until everybody who waited for it is done."""
        ours, theirs = connections["default"], connection.copy()
        with theirs.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE token_exchange_signingkey IN ACCESS EXCLUSIVE MODE")
        yield
        theirs.close()
        for thread in threading.enumerate():
            if thread.name == "doctor: signing keys":
                thread.join()
        ours.close()

    @pytest.mark.usefixtures("_locked")
    def test_holds_up_what_needs_it_and_nothing_else(self):
        report = examine("--timeout", "3")
        assert report.of("signing keys") == [("error", "No answer within 3 s.")]
        assert report.hint("signing keys").startswith("See what the database is busy with, ")
        assert report.answer["errors"] == 1
        assert report.of("purge")[0][0] == "ok"


@pytest.mark.processes
class TestAway:
    def test_is_told_once_and_without_the_password(self, closed_port):
        url = f"postgres://nobody:secret-of-the-database@127.0.0.1:{closed_port}/nothing"
        finished = run_python(
            *("-m", "django", "token_exchange_doctor"), env=environment(DATABASE_URL=url)
        )
        assert "  error    It failed: OperationalError: connection failed: " in finished.stdout
        assert finished.stdout.count("OperationalError") == 1
        assert finished.stdout.count("Not examined, because of the fault in: database.") == 5
        assert "See whether the server runs, " in finished.stdout
        assert "secret-of-the-database" not in finished.stdout + finished.stderr
        assert finished.returncode == 1
