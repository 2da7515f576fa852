"""The change list of API keys and client apps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import columns
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.filters import OrganizationFilter, StateFilter, credential_ordering
from token_exchange.admin.search import SearchableAdmin, credentials_matching
from token_exchange.models import AccessToken


class CredentialListAdmin(SearchableAdmin, TokenExchangeAdmin):
    """The change list of one kind of credential; ``CredentialAdmin`` adds the other pages."""

    organization_path = "organization"
    subject_fields: ClassVar[tuple[str, ...]] = ("organization",)
    """The fields of the organization or user that the credential acts as."""

    list_select_related = ("organization", "owner")
    list_filter: ClassVar[Any] = (StateFilter, OrganizationFilter)
    # Turns the search on; ``search_condition`` decides what it finds.
    search_fields = ("identifier",)
    search_help_text = _("Search by full identifier or the beginning of a name")
    search_condition = staticmethod(credentials_matching)
    # Only what an index serves.
    sortable_by: ClassVar[Any] = (columns.name_and_identifier,)
    state_badge = staticmethod(columns.state_badges)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the credentials of this kind, annotated with the number of their live tokens."""
        live = AccessToken.objects.live_count(now=timezone.now())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(live_token_count=live)
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the ordering that an index serves under the current filters."""
        return credential_ordering(request)

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the columns."""
        return (
            columns.name_and_identifier,
            columns.state_badges,
            columns.organization_and_owner,
            columns.scope_summary,
            columns.last_used,
            self.live_tokens_column(request),
            columns.expiry,
        )

    def live_tokens_column(self, request: HttpRequest) -> Callable[[Any], Any]:
        """Return the column of live tokens, which links to them if the user may see them."""
        site = self.admin_site
        may_view = site.is_registered(AccessToken) and (
            site.get_model_admin(AccessToken).has_view_permission(request)
        )
        if not may_view:
            return columns.live_tokens()
        return columns.live_tokens(reverse(f"{site.name}:token_exchange_accesstoken_changelist"))
