"""Databases, rows and processes of a run."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Self

from children import Child
from databases import Maker
from instructions import CountedChild, counted_child
from plan import Entry
from subjects.projects import Surroundings


def _cache() -> dict[str, Any]:
    url = os.environ.get("CACHE_URL", "")
    if url.startswith("redis"):
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


class Stage:
    """The subjects on one database product, with so many rows each; filled when first needed."""

    def __init__(self, make: Maker, *, rows: int, rate_limits: bool = False) -> None:
        self._make = make
        self._rows = rows
        self._rate_limits = rate_limits
        self._places: dict[tuple[str, str], tuple[Surroundings, dict[str, Any]]] = {}
        self._children: dict[tuple[str, str], Child] = {}
        self._counted: dict[tuple[str, str], CountedChild] = {}
        self._number = 0
        self._open = contextlib.ExitStack()

    def place(self, entry: Entry) -> tuple[Surroundings, dict[str, Any]]:
        """Return the surroundings and the secrets of an entry's project, with its rows."""
        key = (entry.project, entry.algorithm)
        if key not in self._places:
            self._places[key] = self._filled(entry, " ".join(key), rows=self._rows)
        return self._places[key]

    def new_child(self, entry: Entry, *, rows: int, expired: int) -> Child:
        """Return a process of an entry's project on a database that has ``expired`` tokens too."""
        self._number += 1
        name = f"{entry.project} {self._number}"
        return Child(entry.project, *self._filled(entry, name, rows=rows, expired=expired))

    def _filled(
        self, entry: Entry, name: str, *, rows: int, expired: int = 0
    ) -> tuple[Surroundings, dict[str, Any]]:
        surroundings = Surroundings(
            database=self._make(name),
            cache=_cache(),
            algorithm=entry.algorithm,
            rate_limits=self._rate_limits,
        )
        # A process of its own, whose memory is gone with it.
        with Child(entry.project, surroundings) as child:
            return surroundings, child.ask("fill", rows=rows, expired=expired)

    def child(self, entry: Entry) -> Child:
        """Return the process that serves an entry's project."""
        key = (entry.project, entry.algorithm)
        if key not in self._children:
            child = Child(entry.project, *self.place(entry))
            self._children[key] = self._open.enter_context(child)
        return self._children[key]

    def counted_child(self, entry: Entry) -> CountedChild:
        """Return the process that serves an entry's project under callgrind."""
        key = (entry.project, entry.algorithm)
        if key not in self._counted:
            child = counted_child(entry.project, *self.place(entry))
            self._counted[key] = self._open.enter_context(child)
        return self._counted[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self._open.close()
