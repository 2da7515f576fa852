"""How does an operator look up who did what, and take it along?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
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
    StreamingHttpResponse,
)
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange import audit_export
from token_exchange.admin.audit_filters import (
    FROM,
    PERIOD,
    TO,
    ActorFilter,
    EventFilter,
    TargetTypeFilter,
    TimeFilter,
)
from token_exchange.admin.audit_targets import Whereabouts
from token_exchange.admin.desk import DeskAdmin
from token_exchange.admin.filters import OrganizationFilter
from token_exchange.admin.searching import SearchedList
from token_exchange.models import AuditEvent

_KID: Final = re.compile(r"[0-9A-Za-z_-]{43}")

_TONES: Final = {
    AuditEvent.Event.CREDENTIAL_COMPROMISED: "te-revoked",
    AuditEvent.Event.CREDENTIAL_REVOKED: "te-revoked",
    AuditEvent.Event.TOKEN_REVOKED: "te-revoked",
    AuditEvent.Event.SIGNING_KEY_REMOVED: "te-revoked",
    AuditEvent.Event.ORGANIZATION_DELETED: "te-revoked",
    AuditEvent.Event.CREDENTIAL_ISSUED: "te-active",
    AuditEvent.Event.ORGANIZATION_CREATED: "te-active",
    AuditEvent.Event.SIGNING_KEY_PUBLISHED: "te-active",
}


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
    list_display = ("when", "event_badge", "target_and_organization", "who_and_where", "reason")
    list_display_links = ("when",)
    list_filter = (
        TimeFilter,
        EventFilter,
        TargetTypeFilter,
        OrganizationFilter,
        ActorFilter,
    )
    search_fields = ("target__exact", "actor__exact")
    search_help_text = gettext_lazy("Search by the full identifier, jti or kid, or by the username")
    sortable_by = ()
    fields = (
        "when_exactly",
        "event_badge",
        "target_type",
        "whole_target",
        "organization_name",
        "done_by",
        "actor_id",
        "origin",
        "reason",
        "details_table",
    )
    readonly_fields = fields

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
        response = StreamingHttpResponse(
            audit_export.FORMATS[file_format](audit_export.batches(events)),
            content_type=audit_export.CONTENT_TYPES[file_format],
        )
        response.headers["Content-Disposition"] = f'attachment; filename="audit.{file_format}"'
        response.headers["Cache-Control"] = "no-store"
        return response

    def _export_url(self, file_format: str, query: str) -> str:
        name = f"{self.admin_site.name}:{self.url_name('export')}"
        url = reverse(name, args=(file_format,))
        return f"{url}?{query}" if query else url

    @admin.display(description=gettext_lazy("time"))
    def when(self, event: AuditEvent) -> SafeString:
        """Show the second, and the day above it."""
        at = timezone.localtime(event.occurred_at)
        return format_html("{}<br>{}", f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}")

    @admin.display(description=gettext_lazy("time"))
    def when_exactly(self, event: AuditEvent) -> str:
        """Show the time to the microsecond, and in which zone."""
        return f"{timezone.localtime(event.occurred_at):%Y-%m-%d %H:%M:%S.%f %Z}"

    @admin.display(description=gettext_lazy("event"))
    def event_badge(self, event: AuditEvent) -> SafeString:
        """Show what happened; an event of a later version by its bare name."""
        return format_html(
            '<span class="te-badge {}" title="{}">{}</span>',
            _TONES.get(event.event, ""),  # type: ignore[call-overload]
            event.event,
            event.get_event_display(),
        )

    @admin.display(description=gettext_lazy("target"))
    def target_and_organization(self, event: Any) -> SafeString:
        """Show to what it happened, shortened, and below it whose that is."""
        whereabouts: Whereabouts = event.whereabouts
        is_other = event.organization and event.target_type != AuditEvent.TargetType.ORGANIZATION
        return _above(
            whereabouts.target(event), whereabouts.organization(event) if is_other else ""
        )

    @admin.display(description=gettext_lazy("by, from"))
    def who_and_where(self, event: AuditEvent) -> SafeString:
        """Show who did it, and below that from where."""
        return _above(event.actor, event.origin)

    @admin.display(description=gettext_lazy("target"))
    def whole_target(self, event: Any) -> SafeString:
        """Show to what it happened, with the whole id."""
        shown: SafeString = event.whereabouts.target(event, is_whole=True)
        return shown

    @admin.display(description=gettext_lazy("organization"))
    def organization_name(self, event: Any) -> SafeString:
        """Show whose it is."""
        shown: SafeString = event.whereabouts.organization(event)
        return shown

    @admin.display(description=gettext_lazy("by"))
    def done_by(self, event: AuditEvent) -> str:
        """Show who did it."""
        return event.actor or "-"

    @admin.display(description=gettext_lazy("details"))
    def details_table(self, event: AuditEvent) -> SafeString:
        """Show the details as a table: of an edit before and after, or else each value."""
        is_edit = event.event.endswith(".changed")
        titles = (_("Field"), _("Before"), _("After")) if is_edit else (_("Field"), _("Value"))
        rows = [
            (name, *(_before_and_after(value) if is_edit else (value,)))
            for name, value in event.details.items()
        ]
        return _table(titles, rows) if rows else format_html("{}", "-")


def _above(first: str, second: str) -> SafeString:
    lines = [each for each in (first, second) if each] or ["-"]
    return format_html_join("", '<span class="te-line">{}</span>', ((each,) for each in lines))


def _before_and_after(value: Any) -> tuple[Any, Any]:
    # Of some fields it is recorded only that they changed.
    return tuple(value) if isinstance(value, list) else (_("not recorded"), _("not recorded"))


def _table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((each,) for each in titles))
    body = format_html_join(
        "",
        '<tr><th scope="row"><code>{}</code></th>{}</tr>',
        (
            (name, format_html_join("", "<td>{}</td>", ((_shown(each),) for each in values)))
            for name, *values in rows
        ),
    )
    return format_html(
        '<div class="te-scroll te-details" tabindex="0" role="region" aria-label="{}">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        _("Details"),
        head,
        body,
    )


def _shown(value: Any) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
