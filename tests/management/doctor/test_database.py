"""Findings about the database."""

from __future__ import annotations

import re
import threading

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from tests.management.doctor.reports import examine
from tests.support.subprocesses import environment, run_python
from token_exchange.management.doctor import database

NEEDS_IT = ("clock", "signing keys", "revocation feed", "overdue jobs")


@pytest.mark.django_db
class TestReachableDatabase:
    def test_is_ok(self):
        (answers, *others) = examine().of("database")
        name = connection.display_name
        assert answers[0] == "ok"
        assert re.fullmatch(rf"{name} answers in [0-9]+\.[0-9] ms\.", answers[1])
        assert others[:2] == [
            ("ok", "All migrations are applied."),
            ("ok", "The database can be written to."),
        ]

    def test_without_its_migrations_is_an_error(self):
        MigrationRecorder(connection).record_unapplied("token_exchange", "0001_initial")
        report = examine()
        assert report.of("database")[1:] == [
            ("error", "Migrations not applied: token_exchange.0001_initial.")
        ]
        assert report.hint("database") == "Run: python manage.py migrate"
        for subject in NEEDS_IT:
            assert report.of(subject) == [
                ("warning", "Not examined: fix the errors of the database first.")
            ]


class TestReadOnly:
    @pytest.fixture
    def _read_only(self, db):
        is_postgresql = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            cursor.execute(
                "SET TRANSACTION READ ONLY" if is_postgresql else "PRAGMA query_only = ON"
            )
        yield
        if not is_postgresql:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA query_only = OFF")

    @pytest.mark.usefixtures("_read_only")
    def test_database_is_an_error_and_the_other_subjects_are_examined(self):
        report = examine()
        (error,) = [text for level, text in report.of("database") if level == "error"]
        assert error.startswith("Nothing can be written: ")
        assert "read" in error.partition(": ")[2]
        assert "DATABASES['default'] is the primary" in report.hint("database")
        assert report.of("clock") == [("ok", "This machine's clock and the database's agree.")]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestIsolation:
    @pytest.fixture
    def isolate(self, monkeypatch):
        """Set the isolation level of new connections: ``isolate("repeatable read")``."""

        def set_level(name):
            level = name.replace(" ", r"\ ")
            options = {"options": f"-c default_transaction_isolation={level}"}
            settings = {**connections.settings["default"], "OPTIONS": options}
            monkeypatch.setitem(connections.settings, "default", settings)

        return set_level

    def test_read_committed_is_ok(self, isolate):
        isolate("read committed")
        expected = ("ok", "The transaction isolation level is read committed.")
        assert examine().of("database")[-1] == expected

    def test_any_other_level_is_a_warning(self, isolate):
        isolate("repeatable read")
        level, text = examine().of("database")[-1]
        assert level == "warning"
        assert text.startswith("The transaction isolation level is repeatable read: ")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestDelay:
    @pytest.fixture
    def locking_session(self):
        """The process ID of another session, which has locked the table of the signing keys."""
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE token_exchange_signingkey IN ACCESS EXCLUSIVE MODE")
        yield other.connection.info.backend_pid
        other.close()
        for thread in threading.enumerate():
            if thread.name.startswith("doctor: "):
                thread.join()

    def test_is_explained_by_the_session_that_holds_the_lock(self, locking_session):
        report = examine("--timeout", "3")
        assert report.of("signing keys") == [("error", "No answer within 3 s.")]
        hint = report.hint("signing keys")
        assert hint.startswith(f"Session {locking_session} of the database user ")
        assert hint.endswith(f"or end it: SELECT pg_terminate_backend({locking_session});")
        assert report.answer["errors"] == 1
        assert report.of("overdue jobs")[0][0] == "ok"


@pytest.mark.django_db
def test_delay_without_locks_is_explained_by_load_on_postgresql():
    hint = database.explain_delay()
    expected = "No session waits for a lock" if connection.vendor == "postgresql" else ""
    assert hint.partition(",")[0] == expected


@pytest.mark.processes
class TestUnreachableDatabase:
    def test_is_one_error_without_the_password(self, closed_port):
        url = f"postgres://nobody:secret-of-the-database@127.0.0.1:{closed_port}/nothing"
        finished = run_python(
            *("-m", "django", "token_exchange_doctor"), env=environment(DATABASE_URL=url)
        )
        assert "  error    It failed: OperationalError: connection failed: " in finished.stdout
        assert finished.stdout.count("OperationalError") == 1
        assert finished.stdout.count("Not examined: fix the errors of the database first.") == 4
        assert "Check that the server runs, " in finished.stdout
        assert "secret-of-the-database" not in finished.stdout + finished.stderr
        assert finished.returncode == 1
