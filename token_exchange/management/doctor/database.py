"""Does the database answer, has it our tables, and may we write?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db import Error as DatabaseFailure
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from token_exchange.management.doctor.findings import Fault, Finding, cause, error, ok, warning
from token_exchange.models import RevocationFeed

_APP: Final = "token_exchange"


def examine(_now: datetime) -> Iterator[Finding]:
    """Ask it for nothing, then for its migrations, then to write nothing."""
    alias = RevocationFeed.objects.on_writer().db
    connection = connections[alias]
    connection.ensure_connection()
    yield ok(f"{connection.display_name} answers in {_round_trip(connection) * 1000:.1f} ms.")
    yield _migrations(connection)
    yield _writing(alias)
    if connection.vendor == "postgresql":
        yield _isolation(connection)


def _round_trip(connection: BaseDatabaseWrapper) -> float:
    """Return the seconds that the least question takes."""
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
        raise Fault(error(f"Not applied: {names}.", "Run: python manage.py migrate"))
    return ok("All migrations are applied.")


def _writing(alias: str) -> Finding:
    try:
        # No row has this key; a database that takes no writes refuses nevertheless.
        RevocationFeed.objects.using(alias).filter(pk=0).update(position=0)
    except DatabaseFailure as failure:
        return error(
            f"Nothing can be written: {cause(failure)}",
            f"Let DATABASES[{alias!r}] name the primary, not a standby; see whether its disk is "
            "full, and whether its role or file may be written to. Meanwhile no token is issued "
            "and nothing can be revoked.",
        )
    return ok("It can be written to.")


def _isolation(connection: BaseDatabaseWrapper) -> Finding:
    level = _value(connection, "SHOW transaction_isolation")
    if level == "read committed":
        return ok(f"Transactions are isolated as {level}.")
    return warning(
        f"Transactions are isolated as {level}: a long one does not see what is revoked meanwhile, "
        "and of two that revoke at once one fails.",
        "Leave PostgreSQL's default, read committed, to the role, the database and OPTIONS.",
    )
