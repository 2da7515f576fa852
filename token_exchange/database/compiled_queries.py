"""Queries of the hot path, compiled once per connection.

Django takes several times as long to compose a query set as the database takes to answer it, and
several times as long to save an instance as to insert its row. Here Django compiles a statement
once for each connection and not each time, so that every database, custom field and swapped model
works as it does in a query set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from datetime import time as dt_time
from typing import Any, Final, NamedTuple, TypeAlias

from django.db import connections
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import Query

from token_exchange_core.process_state import ProcessState

_Connection: TypeAlias = Any
_ATTRIBUTE: Final = "_token_exchange_statements"
_SECONDS_IN_2001: Final = 1_000_000_000
_DATE_OR_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}")


class Parameter(Expression):
    """A named value that is passed each time a ``Select`` runs."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Put a placeholder into the SQL, and this object into the list of its parameters."""
        return "%s", (self,)


class _Compiled(NamedTuple):
    sql: str
    fields: Mapping[str, Any]
    """The field of each value that is passed."""
    constants: Mapping[str, Any]
    """Values that are part of the query set."""
    converters: Sequence[tuple[int, Callable[..., Any], Any]]
    """Index of a column, converter of values other than NULL, and the column."""

    def is_repeated_by(self, other: _Compiled) -> bool:
        """Return whether the other is the same, and still would be at another time."""
        is_same = (self.sql, self.constants) == (other.sql, other.constants)
        return is_same and not any(map(_may_be_a_time, self.constants.values()))

    def parameters(self, values: Mapping[str, Any], connection: _Connection) -> dict[str, Any]:
        """Return the parameters to execute the statement with."""
        return {**self.constants, **_prepare(self.fields, values, connection)}

    def convert(self, found: Sequence[Any], connection: _Connection) -> list[Any]:
        """Convert a row as a query set does."""
        row = list(found)
        for place, convert, column in self.converters:
            if (value := row[place]) is not None:
                row[place] = convert(value, column, connection)
        return row


def _may_be_a_time(value: Any) -> bool:
    if isinstance(value, str):  # Some drivers take text.
        return _DATE_OR_TIME.match(value) is not None
    if isinstance(value, (int, float)):
        return value >= _SECONDS_IN_2001
    return isinstance(value, (date, dt_time, timedelta))


class Select:
    """A query set of ``values_list`` that is compiled once per connection."""

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self._query = queryset.query

    def first(self, *, using: str, **values: Any) -> list[Any] | None:
        """Return the first row on the database ``using``, or ``None``; one query."""
        connection, compiled = self._compiled(using)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.parameters(values, connection))
            found = cursor.fetchone()
        return None if found is None else compiled.convert(found, connection)

    def all(self, *, using: str, **values: Any) -> list[list[Any]]:
        """Return every row on the database ``using``; one query."""
        connection, compiled = self._compiled(using)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.parameters(values, connection))
            found = cursor.fetchall()
        return [compiled.convert(row, connection) for row in found]

    def _compiled(self, using: str) -> tuple[_Connection, _Compiled]:
        connection = connections[using]
        return connection, _compiled(connection, self, self._compile)

    def _compile(self, connection: _Connection) -> _Compiled:
        return _compile(self._query.clone(), connection)


def _compile(query: Query, connection: _Connection) -> _Compiled:
    compiler = query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    converters = compiler.get_converters([column for column, *_ in compiler.select])
    named = [
        (each.name if isinstance(each, Parameter) else f"constant_{place}", each)
        for place, each in enumerate(parameters)
    ]
    return _Compiled(
        sql=_by_name(sql, [name for name, _ in named]),
        fields={name: each.output_field for name, each in named if isinstance(each, Parameter)},
        constants={name: each for name, each in named if not isinstance(each, Parameter)},
        converters=[
            (place, convert, column)
            for place, (converts, column) in converters.items()
            for convert in converts
        ],
    )


class ComposedSelect(Select):
    """A ``Select`` whose query set depends on managers of the project.

    It is compiled once per connection if composing it twice gives the same statement without a
    date or time among its parameters, and otherwise each time: the next one may be another.
    """

    def __init__(self, compose: Callable[[], QuerySet[Any, Any]]) -> None:
        self._compose = compose
        self._is_repeatable: bool | None = None

    def _compiled(self, using: str) -> tuple[_Connection, _Compiled]:
        connection = connections[using]
        if self._is_repeatable:
            return connection, _compiled(connection, self, self._compile)
        statement = self._compile(connection)
        if self._is_repeatable is None:
            again = self._compile(connection)
            self._is_repeatable = statement.is_repeated_by(again)
        return connection, statement

    def _compile(self, connection: _Connection) -> _Compiled:
        return _compile(self._compose().query, connection)


class Insert:
    """An INSERT of one row into a model's table, without an instance and its signals."""

    def __init__(self, model: type[Model], *names: str) -> None:
        self._table = model._meta.db_table
        self._fields: dict[str, Any] = {name: model._meta.get_field(name) for name in names}
        if missing := _required(model) - set(names):
            raise TypeError(f"An INSERT into {self._table} needs {', '.join(sorted(missing))}")

    def run(self, *, using: str, **values: Any) -> None:
        """Insert a value for each field on the database ``using``."""
        connection = connections[using]
        sql = _compiled(connection, self, self._compile)
        parameters = _prepare(self._fields, values, connection)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    def _compile(self, connection: _Connection) -> str:
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.column) for field in self._fields.values())
        places = ", ".join("%s" for _ in self._fields)
        sql = f"INSERT INTO {quote(self._table)} ({columns}) VALUES ({places})"  # noqa: S608 - names
        return _by_name(sql, self._fields)


def _required(model: type[Model]) -> set[str]:
    """Return the fields without which the database refuses a row: it knows no Python default."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if not (field.null or field.primary_key or field.generated or field.has_db_default())
    }


def _by_name(sql: str, names: Iterable[str]) -> str:
    """Name the placeholders in ``sql``: SQLite's driver is slow with unnamed ones."""
    return sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in names)


def _prepare(
    fields: Mapping[str, Any], values: Mapping[str, Any], connection: _Connection
) -> dict[str, Any]:
    """Convert values, which must have their fields' types, to what the driver accepts."""
    return {
        name: field.get_db_prep_value(values[name], connection, prepared=True)
        for name, field in fields.items()
    }


class _CompiledStatements(ProcessState):
    """The compiled statements of one connection, stored on the connection itself.

    Converters refer to their connection, which belongs to one thread. Stored anywhere else, they
    would keep that connection open after its thread has ended.
    """

    def __init__(self) -> None:
        self.by_query: dict[Any, Any] = {}
        super().__init__()

    def clear(self) -> None:
        self.by_query.clear()


def _compiled(connection: _Connection, query: Any, compile_: Callable[[_Connection], Any]) -> Any:
    """Return the query's statement for this connection; compile it the first time."""
    statements = connection.__dict__.get(_ATTRIBUTE)
    if statements is None:
        statements = connection.__dict__[_ATTRIBUTE] = _CompiledStatements()
    compiled = statements.by_query.get(query)
    if compiled is None:
        compiled = statements.by_query[query] = compile_(connection)
    return compiled
