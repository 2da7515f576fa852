"""How is a query asked at every exchange and composed only once?

To compose a query set costs Django several times what it costs the database to answer it, and to
save an instance several times what it costs to insert its row. Here Django compiles once for each
connection what it would compile each time, so that every database, every custom field and every
swapped model is treated as a query set treats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from django.core.signals import setting_changed
from django.db import connections
from django.db.models import Expression, Field, Model, QuerySet

_Connection: TypeAlias = Any
_KEPT: Final = "_token_exchange_statements"


class Parameter(Expression):
    """A value that each run of a ``Select`` gives anew, by its name."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Leave a place in the SQL, and this in the list of its values."""
        return "%s", (self,)


class _Compiled(NamedTuple):
    sql: str
    fields: Mapping[str, Any]
    """The field of each value that a run gives."""
    constants: Mapping[str, Any]
    """What the query set itself said."""
    converters: Sequence[tuple[int, Callable[..., Any], Any]]
    """A column's place, what makes a value of all but NULL, and the column."""

    def parameters(self, values: Mapping[str, Any], connection: _Connection) -> dict[str, Any]:
        """Return all that the statement is executed with."""
        return {**self.constants, **_prepare(self.fields, values, connection)}

    def convert(self, found: Sequence[Any], connection: _Connection) -> list[Any]:
        """Return a row as a query set would."""
        row = list(found)
        for place, convert, column in self.converters:
            if (value := row[place]) is not None:
                row[place] = convert(value, column, connection)
        return row


class Select:
    """A query set of ``values_list`` that is asked again and again."""

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
        return connection, _kept(connection, self, self._compile)

    def _compile(self, connection: _Connection) -> _Compiled:
        compiler = self._query.clone().get_compiler(connection=connection)
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


class Insert:
    """An INSERT of one row into the fields of a model, without an instance and its signals."""

    def __init__(self, model: type[Model], *names: str) -> None:
        self._table = model._meta.db_table
        self._fields: dict[str, Any] = {name: model._meta.get_field(name) for name in names}
        if missing := _required(model) - set(names):
            raise TypeError(f"An INSERT into {self._table} needs {', '.join(sorted(missing))}")

    def run(self, *, using: str, **values: Any) -> None:
        """Insert a value for each field on the database ``using``."""
        connection = connections[using]
        sql = _kept(connection, self, self._compile)
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
    """Name the places in ``sql``: SQLite's driver has only a slow way to read the nameless."""
    return sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in names)


def _prepare(
    fields: Mapping[str, Any], values: Mapping[str, Any], connection: _Connection
) -> dict[str, Any]:
    """Return the values, which are of their fields' types, as the driver wants them."""
    return {
        name: field.get_db_prep_value(values[name], connection, prepared=True)
        for name, field in fields.items()
    }


def _kept(connection: _Connection, statement: Any, compile_: Callable[[_Connection], Any]) -> Any:
    """Return the statement as compiled for the connection, and let it die with the connection.

    Converters hold their connection, which is a thread's own: kept anywhere else they would keep
    a thread's connection open after its end.
    """
    kept = connection.__dict__.setdefault(_KEPT, {})
    if statement not in kept:
        kept[statement] = compile_(connection)
    return kept[statement]


def _forget(*, setting: str, **_: object) -> None:
    if setting == "USE_TZ":  # by which some databases choose their converters
        for connection in connections.all(initialized_only=True):
            connection.__dict__.pop(_KEPT, None)


setting_changed.connect(_forget)
