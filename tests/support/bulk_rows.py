"""Many copies of one row, which the database itself inserts in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models

_NUMBERS = {
    "postgresql": "SELECT generate_series(1, {count}) AS i",
    "sqlite": (
        "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers "
        "WHERE i < {count}) SELECT i FROM numbers"
    ),
}


def multiply(row: models.Model, count: int, changes: Mapping[str, str]) -> None:
    """Add ``count`` copies of a row, with ``changes``: SQL of ``n.i``, 1 to ``count``, by column.

    The database assigns automatic primary keys.
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


def run(sql: str, *parameters: Any) -> None:
    """Run one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
