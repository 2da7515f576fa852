"""What does a page say of the rows that it is about to change, and of those that it leaves out?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from token_exchange.admin import columns, credential_summary
from token_exchange.admin.base import DeskAdmin
from token_exchange.models import Credential

_COLUMNS: Any = (
    columns.state_badges,
    columns.live_tokens(),
    columns.last_use,
    credential_summary.speaks_for,
    columns.scope_list,
)


def rows_context(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any], *, ready: list[Any], name: str
) -> dict[str, Any]:
    """Return what ``rows.html`` and ``bulk_fields.html`` show of the rows of the page ``name``."""
    is_bulk = "action" in request.POST
    list_url = model_admin.url("changelist")
    return {
        "rows": [(each, _cells(each)) for each in ready],
        "skipped": [each for each in rows if not model_admin.is_open_to(name, each)],
        "action": f"{name}_selected" if is_bulk else None,
        "back_url": list_url if is_bulk else model_admin.url("change", rows[0]),
    }


def back_to(request: HttpRequest, rows: Iterable[Any]) -> list[Any]:
    """Return the object whose page the user came from; nothing if it was the list."""
    return [] if "action" in request.POST else list(rows)[:1]


def _cells(row: Any) -> list[tuple[Any, Any]]:
    if not isinstance(row, Credential):
        return []
    return [(each.short_description, each(row)) for each in _COLUMNS]
