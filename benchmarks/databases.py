"""Databases of the subjects on SQLite and PostgreSQL.

Each project has its own, so that no app depends on the tables of another.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Maker = Callable[[str], dict[str, Any]]
"""Makes the empty database of a project, and returns Django's settings of it."""


@contextlib.contextmanager
def sqlite() -> Iterator[Maker]:
    """Make files with a write-ahead log, in a folder that is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:

        def make(name: str) -> dict[str, Any]:
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(folder) / f"{_plain(name)}.sqlite3"),
                "CONN_MAX_AGE": None,
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                },
            }

        yield make


@contextlib.contextmanager
def postgresql(url: str) -> Iterator[Maker]:
    """Make databases whose names start as ``url``'s does, and drop them in the end."""
    import psycopg

    parts = urllib.parse.urlsplit(url)
    made: list[str] = []
    # Databases are made from within the one that every server has.
    server = psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True)

    def make(name: str) -> dict[str, Any]:
        made.append(f"{parts.path.strip('/')}_{_plain(name)}")
        server.execute(f'DROP DATABASE IF EXISTS "{made[-1]}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{made[-1]}"')
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": made[-1],
            "USER": urllib.parse.unquote(parts.username or ""),
            "PASSWORD": urllib.parse.unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": None,
            # What a commit waits for its disk says nothing about who asked for the commit.
            "OPTIONS": {"options": "-c synchronous_commit=off"},
        }

    with server:
        try:
            yield make
        finally:
            for name in made:
                server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name.lower())
