"""SQL values for many rows, and what a database does after many were added."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.db import ProgrammingError, connection

from tests.support.bulk_rows import run

EXPIRED_PER_LIVE = 10
"""Tokens in the table that is purged."""

_DIGITS = 10


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
