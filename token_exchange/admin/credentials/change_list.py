"""How are API keys and client apps listed, found and ordered?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import columns
from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.filters import OrganizationFilter, StateFilter, order_of_credentials
from token_exchange.admin.list_display import count_live_tokens
from token_exchange.admin.search import SearchedAdmin, credentials_matching
from token_exchange.models import AccessToken


class CredentialList(SearchedAdmin, DeskAdmin):
    """The list of one kind of credential; its pages are its subclass's."""

    organization_path = "organization"
    who: ClassVar[tuple[str, ...]] = ("organization",)
    list_select_related = ("organization", "owner")
    list_filter: ClassVar[Any] = (StateFilter, OrganizationFilter)
    # That there is a search; what it finds is said by ``matching``.
    search_fields = ("identifier",)
    search_help_text = _("Search by the full identifier, or by the beginning of a name")
    matching = staticmethod(credentials_matching)
    # By what an index serves, and nothing else.
    sortable_by: ClassVar[Any] = (columns.named_identifier,)
    state_badge = staticmethod(columns.state_badges)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the credentials of this kind, each with the number of its live tokens."""
        live = count_live_tokens(now=timezone.now())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(live_token_count=live)
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order that an index has for what is filtered by."""
        return order_of_credentials(request)

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the columns."""
        return (
            columns.named_identifier,
            columns.state_badges,
            columns.tenant,
            columns.scope_summary,
            columns.last_use,
            self.live_tokens_column(request),
            columns.expiry,
        )

    def live_tokens_column(self, request: HttpRequest) -> Callable[[Any], Any]:
        """Return the column of the live tokens, which leads to them who may look."""
        site = self.admin_site
        may_look = site.is_registered(AccessToken) and (
            site.get_model_admin(AccessToken).has_view_permission(request)
        )
        if not may_look:
            return columns.live_tokens()
        return columns.live_tokens(reverse(f"{site.name}:token_exchange_accesstoken_changelist"))
