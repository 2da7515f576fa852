"""How does a table get a million rows in seconds?

One row is made as the package makes it; the database multiplies it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import ProgrammingError, connection, models

EXPIRED_PER_LIVE = 10
"""Tokens in the table that is purged."""

_DIGITS = 10
_NUMBERS = {
    "postgresql": "SELECT generate_series(1, {count}) AS i",
    "sqlite": (
        "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers "
        "WHERE i < {count}) SELECT i FROM numbers"
    ),
}


def multiply(row: models.Model, count: int, changes: Mapping[str, str]) -> None:
    """Add ``count`` copies of a row, with ``changes``: SQL of ``n.i``, 1 to ``count``, by column.

    A primary key that counts itself is left to the database.
    """
    if count < 1:
        return
    meta = row._meta
    columns = [
        field.column
        for field in meta.concrete_fields
        if not field.generated and not (field.primary_key and isinstance(field, models.AutoField))
    ]
    quoted = [connection.ops.quote_name(column) for column in columns]
    values = [
        changes.get(column, f"t.{name}") for column, name in zip(columns, quoted, strict=True)
    ]
    table = connection.ops.quote_name(meta.db_table)
    run(
        f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} "
        f"FROM ({numbers(count)}) AS n, {table} AS t "
        f"WHERE t.{connection.ops.quote_name(meta.pk.column)} = %s",
        row.pk,
    )


def numbers(count: int) -> str:
    """Return SQL of a table ``n`` with one column ``i``, 1 to ``count``."""
    return _NUMBERS[connection.vendor].format(count=count)


def numbered(prefix: str, width: int) -> str:
    """Return SQL for a text of ``width`` characters that is different for each ``n.i``."""
    padding = "0" * (width - len(prefix) - _DIGITS)
    return f"'{prefix}{padding}' || CAST({10 ** (_DIGITS - 1)} + n.i AS text)"


def mostly_expired(now: datetime) -> str:
    """Return SQL of an expiry: of eleven rows ten died two days ago, and one lives for a day."""
    literal = {"postgresql": "timestamptz '{}+00'", "sqlite": "'{}'"}[connection.vendor]
    dead, alive = (
        literal.format(f"{now + timedelta(days=days):%Y-%m-%d %H:%M:%S}") for days in (-2, 1)
    )
    return f"CASE WHEN n.i %% {EXPIRED_PER_LIVE + 1} = 0 THEN {alive} ELSE {dead} END"


def settle() -> None:
    """Let the database know its tables, as it does after a while in service."""
    if connection.vendor == "sqlite":
        run("ANALYZE")
        return
    run("VACUUM ANALYZE")
    # What filling left to be written would be written while requests are measured.
    with contextlib.suppress(ProgrammingError):  # not everybody may ask for it
        run("CHECKPOINT")


def run(sql: str, *parameters: Any) -> None:
    """Run one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
