"""Examination of the database: connection, migrations, write access, transaction isolation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db import Error as DatabaseFailure
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from token_exchange.database.blocking_sessions import blocking_session
from token_exchange.management.doctor.findings import (
    ExaminationFailed,
    Finding,
    cause,
    error,
    ok,
    warning,
)
from token_exchange.models import RevocationFeed

_APP: Final = "token_exchange"


def examine(_now: datetime) -> Iterator[Finding]:
    """Connect, look for missing migrations, and send an UPDATE that changes no row."""
    alias = RevocationFeed.objects.on_writer().db
    connection = connections[alias]
    connection.ensure_connection()
    yield ok(f"{connection.display_name} answers in {_round_trip(connection) * 1000:.1f} ms.")
    yield _migrations(connection)
    yield _write_access(alias)
    if connection.vendor == "postgresql":
        yield _isolation(connection)


def explain_delay() -> str:
    """Return what a query may be waiting for, or "" where the database does not show that."""
    using = RevocationFeed.objects.on_writer().db
    if connections[using].vendor != "postgresql":
        return ""
    session = blocking_session(using=using)
    if session is None:
        return (
            "No session waits for a lock, so the database is slow or overloaded. Check its load, "
            "or allow more time with --timeout."
        )
    return str(session)


def _round_trip(connection: BaseDatabaseWrapper) -> float:
    """Return the seconds that the simplest query takes."""
    started_at = time.perf_counter()
    _value(connection, "SELECT 1")
    return time.perf_counter() - started_at


def _value(connection: BaseDatabaseWrapper, sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _migrations(connection: BaseDatabaseWrapper) -> Finding:
    executor = MigrationExecutor(connection)
    nodes = executor.loader.graph.leaf_nodes(_APP)
    missing = [migration for migration, _ in executor.migration_plan(nodes)]
    if missing:
        names = ", ".join(map(str, missing))
        raise ExaminationFailed(
            error(f"Migrations not applied: {names}.", "Run: python manage.py migrate")
        )
    return ok("All migrations are applied.")


def _write_access(alias: str) -> Finding:
    try:
        with transaction.atomic(using=alias):
            # No row has this key, but a read-only database refuses the statement all the same.
            RevocationFeed.objects.using(alias).filter(pk=0).update(position=0)
    except DatabaseFailure as failure:
        return error(
            f"Nothing can be written: {cause(failure)}",
            f"Check that DATABASES[{alias!r}] is the primary and not a standby, that its disk has "
            "space, and that its role may write (on SQLite: the file's permissions). Until then no "
            "token can be issued and nothing can be revoked.",
        )
    return ok("The database can be written to.")


def _isolation(connection: BaseDatabaseWrapper) -> Finding:
    level = _value(connection, "SHOW transaction_isolation")
    if level == "read committed":
        return ok(f"The transaction isolation level is {level}.")
    return warning(
        f"The transaction isolation level is {level}: a long transaction does not see new "
        "revocations, and of two simultaneous revocations one fails.",
        "Use PostgreSQL's default, read committed, for the role, the database and OPTIONS.",
    )
