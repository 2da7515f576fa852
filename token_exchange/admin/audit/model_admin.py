"""How does an operator look up who did what, and take it along?"""

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
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.audit import columns
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
from token_exchange.admin.audit.streaming import download
from token_exchange.admin.audit.target_links import Whereabouts
from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.search import SearchedList
from token_exchange.observability import audit_export

_KID: Final = re.compile(r"[0-9A-Za-z_-]{43}")


class _AuditChangeList(SearchedList):
    """A page of events that knows where their targets are."""

    def holds_secret(self) -> bool:
        # The kid of a signing key has the length of a secret, and may have no other sign.
        return super().holds_secret() and _KID.fullmatch(self.query) is None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        events: list[Any] = list(self.result_list)
        whereabouts = Whereabouts(self.model_admin.admin_site, request, events)
        for each in events:
            each.whereabouts = whereabouts
        self.result_list: Any = events


class AuditEventAdmin(DeskAdmin):
    """What happened; nobody adds to it, changes it or deletes from it."""

    organization_path = "organization"
    filter_parameters = (FROM, TO)
    change_list_template = "token_exchange/admin/audit_events.html"
    change_form_template = "token_exchange/admin/audit_event.html"
    list_display = (
        columns.when,
        columns.event_badge,
        columns.target_and_organization,
        columns.who_and_where,
        "reason",
    )
    list_display_links = (columns.when,)
    list_filter = (
        TimeFilter,
        EventFilter,
        TargetTypeFilter,
        EventOrganizationFilter,
        ActorFilter,
    )
    search_fields = ("target__exact", "actor__exact")
    search_help_text = gettext_lazy("Search by the full identifier, jti or kid, or by the username")
    sortable_by = ()
    fields: ClassVar[Any] = (
        columns.when_exactly,
        columns.event_badge,
        "target_type",
        columns.whole_target,
        columns.organization_name,
        columns.done_by,
        "actor_id",
        "origin",
        "reason",
        columns.details_table,
    )
    readonly_fields: ClassVar[Any] = fields

    def get_urls(self) -> list[Any]:
        """Return the stock pages', and before them the export's."""
        view = self.admin_site.admin_view(self.export_view)
        name = self.url_name("export")
        return [path("export/<str:file_format>/", view, name=name), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that looks up what it links to."""
        return _AuditChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the event, with the way to its target."""
        event = super().get_object(request, object_id, from_field)
        if event is not None:
            event.whereabouts = Whereabouts(self.admin_site, request, [event])
        return event

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the order whose index serves: by time where a time was chosen."""
        is_of_a_time = any(request.GET.get(name) for name in (PERIOD, FROM, TO))
        return ("-occurred_at", "-pk") if is_of_a_time else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the whole of what was typed: a username may have spaces."""
        term = search_term.strip()
        return (queryset.filter(Q(target=term) | Q(actor=term)) if term else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: only what happens is recorded."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what happened does not change."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with the ways to take along what it shows."""
        query = request.GET.copy()
        query.pop("p", None)
        exports = [
            (self._export_url(each, query.urlencode()), each.upper())
            for each in audit_export.FORMATS
        ]
        return super().changelist_view(request, {"exports": exports, **(extra_context or {})})

    def export_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """Send all that the list would show, in pieces."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in audit_export.FORMATS:
            raise Http404(_("There is no such format."))
        try:
            events = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self.url('changelist')}?e=1")
        return download(
            request,
            audit_export.FORMATS[file_format](audit_export.batches(events)),
            content_type=audit_export.CONTENT_TYPES[file_format],
            filename=f"audit.{file_format}",
        )

    def _export_url(self, file_format: str, query: str) -> str:
        name = f"{self.admin_site.name}:{self.url_name('export')}"
        url = reverse(name, args=(file_format,))
        return f"{url}?{query}" if query else url
