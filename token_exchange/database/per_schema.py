"""One object for each database and schema that a process works with.

A process may serve several schemas: a tenant of django-tenants has one, and a router may choose the
database for each request. What belongs to one schema must never be used in another: its signing
keys and its revocations are different. So all that a process remembers of the rows is found by the
alias of the database and the name of the schema.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar, cast

from django.db import connections
from django.utils.module_loading import import_string

from token_exchange.conf import get_settings
from token_exchange_core import process_state
from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event

T = TypeVar("T")

SchemaKey: TypeAlias = tuple[str, str]
"""The alias of a database, and the name of the schema or an empty string."""

MAX_SCHEMAS: Final = 100
"""Objects are kept for so many schemas; the one that was not used for longest is dropped."""


def schema_key(using: str) -> SchemaKey:
    """Return the key for the schema that the database ``using`` works with in this thread.

    The name comes from ``SCHEMA_NAME``, or from the connection, where the backend of django-tenants
    stores it.
    """
    dotted_path = get_settings().schema_name
    if dotted_path is not None:
        return using, str(_function(dotted_path)())
    return using, getattr(connections[using], "schema_name", "")


@process_state.cached
def _function(dotted_path: str) -> Callable[[], object]:
    return cast("Callable[[], object]", import_string(dotted_path))


class PerSchema(process_state.ProcessState, Generic[T]):
    """An object for each schema, created when it is first needed there."""

    def __init__(self, create: Callable[[], T], *, using: Callable[[], str]) -> None:
        """Set how to create an object, and the function that returns the database's alias."""
        self._create = create
        self._using = using
        self._lock = threading.Lock()
        self.clear()
        super().__init__()

    def renew_after_fork(self) -> None:
        """Keep the objects, and replace the lock: a thread of the parent may have held it."""
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Drop the objects."""
        self._objects: OrderedDict[SchemaKey, T] = OrderedDict()
        self._latest: SchemaKey | None = None

    def get(self) -> T:
        """Return the object of the schema that this thread works with."""
        key = schema_key(self._using())
        # Most processes have one schema and never come to the lock.
        if key == self._latest and (found := self._objects.get(key)) is not None:
            return found
        with self._lock:
            if key not in self._objects:
                self._objects[key] = self._create()
            self._objects.move_to_end(key)
            self._latest = key
            if len(self._objects) > MAX_SCHEMAS:
                self._objects.popitem(last=False)
            return self._objects[key]


class SchemaChanged(TemporarilyUnavailable):
    """Two schemas were found under one key, so what is remembered may belong to either of them."""

    def __init__(self) -> None:
        super().__init__(reason="schema_changed")


class SchemaWatch:
    """The schema that PostgreSQL found under one key; any other is refused from then on."""

    def __init__(self) -> None:
        self._schema: str | None = None
        self._has_changed = False

    def check(self, schema: str | None) -> None:
        """Raise ``SchemaChanged`` if an earlier call was given another schema."""
        self._schema = self._schema or schema
        if schema != self._schema and not self._has_changed:
            self._has_changed = True
            log_event(
                logging.ERROR,
                "schema.changed",
                expected=self._schema,
                found=schema,
                hint="Set SCHEMA_NAME to a function that returns the current schema's name.",
            )
        if self._has_changed:
            raise SchemaChanged
