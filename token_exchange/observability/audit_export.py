"""Export of audit events as JSON or CSV, streamed in batches."""

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
"""All fields of an event, in the order of the CSV columns."""

BATCH_ROWS: Final = 1000

# Some spreadsheets treat the full-width characters in the same way.
_FORMULA_STARTS: Final = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def batches(events: AuditEventQuerySet) -> Iterator[list[dict[str, Any]]]:
    """Yield the events, oldest first, in batches of ``BATCH_ROWS``, with one query for each.

    No cursor and no transaction stays open between them, because a download may be slow.
    """
    rows: Any = events.order_by("pk").values(*FIELDS)
    reached = 0
    while batch := list(rows.filter(pk__gt=reached)[:BATCH_ROWS]):
        reached = batch[-1]["id"]
        yield [{**each, "occurred_at": each["occurred_at"].isoformat()} for each in batch]


def as_json(events: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the text of a JSON array in pieces, with one event on each line."""
    before = "[\n"
    for batch in events:
        yield before + ",\n".join(map(json.dumps, batch))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_csv(events: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the text of a table with a header in pieces; ``details`` is JSON in a cell.

    An apostrophe precedes text that a spreadsheet would run as a formula.
    """
    yield _lines([FIELDS])
    for batch in events:
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
