"""What does one cell of the audit trail, or one line of an event's page, say?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.audit.target_links import Whereabouts
from token_exchange.models import AuditEvent

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


@admin.display(description=gettext_lazy("time"))
def when(event: AuditEvent) -> SafeString:
    """Show the second, and the day above it."""
    at = timezone.localtime(event.occurred_at)
    return format_html("{}<br>{}", f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}")


@admin.display(description=gettext_lazy("time"))
def when_exactly(event: AuditEvent) -> str:
    """Show the time to the microsecond, and in which zone."""
    return f"{timezone.localtime(event.occurred_at):%Y-%m-%d %H:%M:%S.%f %Z}"


@admin.display(description=gettext_lazy("event"))
def event_badge(event: AuditEvent) -> SafeString:
    """Show what happened; an event of a later version by its bare name."""
    return format_html(
        '<span class="te-badge {}" title="{}">{}</span>',
        _TONES.get(event.event, ""),  # type: ignore[call-overload]
        event.event,
        event.get_event_display(),
    )


@admin.display(description=gettext_lazy("target"))
def target_and_organization(event: Any) -> SafeString:
    """Show to what it happened, shortened, and below it whose that is."""
    whereabouts: Whereabouts = event.whereabouts
    is_other = event.organization and event.target_type != AuditEvent.TargetType.ORGANIZATION
    return _above(whereabouts.target(event), whereabouts.organization(event) if is_other else "")


@admin.display(description=gettext_lazy("by, from"))
def who_and_where(event: AuditEvent) -> SafeString:
    """Show who did it, and below that from where."""
    return _above(event.actor, event.origin)


@admin.display(description=gettext_lazy("target"))
def whole_target(event: Any) -> SafeString:
    """Show to what it happened, with the whole id."""
    shown: SafeString = event.whereabouts.target(event, is_whole=True)
    return shown


@admin.display(description=gettext_lazy("organization"))
def organization_name(event: Any) -> SafeString:
    """Show whose it is."""
    shown: SafeString = event.whereabouts.organization(event)
    return shown


@admin.display(description=gettext_lazy("by"))
def done_by(event: AuditEvent) -> str:
    """Show who did it."""
    return event.actor or "-"


@admin.display(description=gettext_lazy("details"))
def details_table(event: AuditEvent) -> SafeString:
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
