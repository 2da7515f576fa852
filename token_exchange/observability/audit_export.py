"""How do audit events leave the database: all of them, in little memory, and harmless to open?"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from token_exchange.models.audit_event import AuditEventQuerySet

FIELDS: Final = (
    "id",
    "occurred_at",
    "event",
    "target_type",
    "target",
    "organization",
    "actor_id",
    "actor",
    "origin",
    "reason",
    "details",
)
"""In this order; all that an event has."""

BATCH_ROWS: Final = 1000

# Those of twice the width are the same to some spreadsheets.
_FORMULA_STARTS: Final = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def batches(events: AuditEventQuerySet) -> Iterator[list[dict[str, Any]]]:
    """Return the events, the oldest first, in batches of a query each.

    No cursor stays open meanwhile, and no transaction: a download may take its time.
    """
    rows: Any = events.order_by("pk").values(*FIELDS)
    reached = 0
    while batch := list(rows.filter(pk__gt=reached)[:BATCH_ROWS]):
        reached = batch[-1]["id"]
        yield [{**each, "occurred_at": each["occurred_at"].isoformat()} for each in batch]


def as_json(found: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Return the text of one array, in pieces; each event is a line of it."""
    before = "[\n"
    for batch in found:
        yield before + ",\n".join(map(json.dumps, batch))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_csv(found: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Return the text of a table with its titles, in pieces; the details are JSON in a cell.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    yield _lines([FIELDS])
    for batch in found:
        yield _lines([_cell(each[name]) for name in FIELDS] for each in batch)


FORMATS: Final[Mapping[str, Callable[[Iterable[list[dict[str, Any]]]], Iterator[str]]]] = {
    "json": as_json,
    "csv": as_csv,
}

CONTENT_TYPES: Final[Mapping[str, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}


def _cell(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
