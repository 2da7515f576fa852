"""How are API keys and client apps listed, found and ordered?"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import columns
from token_exchange.admin.desk import DeskAdmin
from token_exchange.admin.lists import OrganizationFilter, StateFilter, count_live_tokens


class CredentialList(DeskAdmin):
    """The list of one kind of credential; its pages are its subclass's."""

    organization_path = "organization"
    who: ClassVar[tuple[str, ...]] = ("organization",)
    list_select_related = ("organization", "owner")
    list_filter = (StateFilter, OrganizationFilter)
    search_fields = ("identifier", "name")
    search_help_text = _("Search by identifier or name")
    # By what an index serves, and nothing else.
    sortable_by: ClassVar[Any] = (columns.named_identifier,)
    state_badge = staticmethod(columns.state_badges)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the credentials of this kind, each with the number of its live tokens."""
        live = count_live_tokens(now=timezone.now())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(live_token_count=live)
        return rows

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the columns."""
        return (
            columns.named_identifier,
            columns.state_badges,
            *self.who,
            columns.scope_summary,
            columns.last_use,
            columns.live_tokens(),
            columns.expiry,
        )
