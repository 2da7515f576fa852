"""The objects of an action, as its page shows them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import model_ngettext
from django.db.models import Model
from django.http import HttpRequest

from token_exchange.admin import columns, credential_summary
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.models import Credential

_COLUMNS: Any = (
    columns.state_badges,
    columns.live_tokens(),
    columns.last_used,
    credential_summary.acts_as,
    columns.scope_list,
)


def rows_context(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    rows: list[Any],
    *,
    ready: list[Any],
    name: str,
) -> dict[str, Any]:
    """Return the context of ``selected_rows.html`` and ``bulk_action_fields.html``."""
    is_bulk = "action" in request.POST
    list_url = model_admin.url("changelist")
    return {
        "rows": [(each, _cells(each)) for each in ready],
        "skipped": [each for each in rows if not model_admin.is_applicable(name, each)],
        "action": f"{name}_selected" if is_bulk else None,
        "back_url": list_url if is_bulk else model_admin.url("change", rows[0]),
    }


def single_object(request: HttpRequest, rows: list[Any]) -> Model | None:
    """Return the object of an action on one object, or ``None`` for a bulk action."""
    return None if "action" in request.POST else rows[0]


def counted_name(model_admin: TokenExchangeAdmin, count: int) -> str:
    """Return "1 API key", "3 API keys" or the like."""
    return f"{count} {model_ngettext(model_admin.opts, count)}"


def _cells(row: Model) -> list[tuple[Any, Any]]:
    if not isinstance(row, Credential):
        return []
    return [(each.short_description, each(row)) for each in _COLUMNS]
