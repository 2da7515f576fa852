"""The model admin of audit events: list, show and export."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.audit import columns
from token_exchange.admin.audit.export import export_response
from token_exchange.admin.audit.filters import (
    FROM,
    PERIOD,
    TO,
    ActorFilter,
    EventFilter,
    EventOrganizationFilter,
    TargetTypeFilter,
    TimeFilter,
)
from token_exchange.admin.audit.target_links import TargetLinks
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.search import SearchableChangeList
from token_exchange.observability import audit_export

_KID: Final = re.compile(r"[0-9A-Za-z_-]{43}")


class _AuditChangeList(SearchableChangeList):
    """A change list whose events carry the links to their targets."""

    def holds_secret(self) -> bool:
        # A signing key's kid is as long as a secret, and may look like one.
        return super().holds_secret() and _KID.fullmatch(self.query) is None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        events: list[Any] = list(self.result_list)
        target_links = TargetLinks(self.model_admin.admin_site, request, events)
        for each in events:
            each.target_links = target_links
        self.result_list: Any = events


class AuditEventAdmin(TokenExchangeAdmin):
    """Audit events, which are never added, changed or deleted here."""

    organization_path = "organization"
    filter_parameters = (FROM, TO)
    change_list_template = "token_exchange/admin/audit_events.html"
    change_form_template = "token_exchange/admin/audit_event.html"
    list_display = (
        columns.occurred_at,
        columns.event_badge,
        columns.target_and_organization,
        columns.actor_and_source,
        "reason",
    )
    list_display_links = (columns.occurred_at,)
    list_filter = (
        TimeFilter,
        EventFilter,
        TargetTypeFilter,
        EventOrganizationFilter,
        ActorFilter,
    )
    search_fields = ("target__exact", "actor__exact")
    search_help_text = gettext_lazy("Search by full identifier, jti, kid or username")
    sortable_by = ()
    fields: ClassVar[Any] = (
        columns.exact_time,
        columns.event_badge,
        "target_type",
        columns.full_target,
        columns.organization_name,
        columns.actor,
        "actor_id",
        "origin",
        "reason",
        columns.details_table,
    )
    readonly_fields: ClassVar[Any] = fields

    def get_urls(self) -> list[URLPattern]:
        """Return the URL of the export, and then Django's."""
        view = self.admin_site.admin_view(self.export_view)
        name = self.url_name("export")
        return [path("export/<str:file_format>/", view, name=name), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list that links to the targets."""
        return _AuditChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the event, with the link to its target."""
        event = super().get_object(request, object_id, from_field)
        if event is not None:
            event.target_links = TargetLinks(self.admin_site, request, [event])
        return event

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the ordering that an index serves: by time if there is a time filter."""
        has_time_filter = any(request.GET.get(name) for name in (PERIOD, FROM, TO))
        return ("-occurred_at", "-pk") if has_time_filter else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Match the whole term, because a username may contain spaces."""
        term = search_term.strip()
        return (queryset.filter(Q(target=term) | Q(actor=term)) if term else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse, because only the app records events."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse, because events never change."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the links that export the filtered list."""
        query = request.GET.copy()
        query.pop("p", None)
        exports = [
            (self._export_url(each, query.urlencode()), each.upper())
            for each in audit_export.FORMATS
        ]
        return super().changelist_view(request, {"exports": exports, **(extra_context or {})})

    def export_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """Export all events that match the filters."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in audit_export.FORMATS:
            raise Http404(_("No such format."))
        try:
            events = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self.url('changelist')}?e=1")
        return export_response(request, events, file_format=file_format)

    def _export_url(self, file_format: str, query: str) -> str:
        name = f"{self.admin_site.name}:{self.url_name('export')}"
        url = reverse(name, args=(file_format,))
        return f"{url}?{query}" if query else url
