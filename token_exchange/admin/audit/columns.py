"""Columns and fields of audit events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_exchange.admin.audit.target_links import TargetLinks
from token_exchange.models import AuditEvent

_BADGE_CLASSES: Final = {
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
def occurred_at(event: AuditEvent) -> SafeString:
    """Show the date, and below it the time to the second."""
    at = timezone.localtime(event.occurred_at)
    return format_html("{}<br>{}", f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}")


@admin.display(description=gettext_lazy("time"))
def exact_time(event: AuditEvent) -> str:
    """Show the time to the microsecond, with its time zone."""
    return f"{timezone.localtime(event.occurred_at):%Y-%m-%d %H:%M:%S.%f %Z}"


@admin.display(description=gettext_lazy("event"))
def event_badge(event: AuditEvent) -> SafeString:
    """Show the event's label, or its bare name if a later version recorded it."""
    return format_html(
        '<span class="te-badge {}" title="{}">{}</span>',
        _BADGE_CLASSES.get(event.event, ""),  # type: ignore[call-overload]
        event.event,
        event.get_event_display(),
    )


@admin.display(description=gettext_lazy("target"))
def target_and_organization(event: Any) -> SafeString:
    """Show the target, shortened, and below it the organization."""
    target_links: TargetLinks = event.target_links
    is_other = event.organization and event.target_type != AuditEvent.TargetType.ORGANIZATION
    return _two_lines(
        target_links.target(event), target_links.organization(event) if is_other else ""
    )


@admin.display(description=gettext_lazy("actor"))
def actor_and_source(event: AuditEvent) -> SafeString:
    """Show the user who did it, and below that the source."""
    return _two_lines(event.actor, event.origin)


@admin.display(description=gettext_lazy("target"))
def full_target(event: Any) -> SafeString:
    """Show the target with its full id."""
    shown: SafeString = event.target_links.target(event, is_full=True)
    return shown


@admin.display(description=gettext_lazy("organization"))
def organization_name(event: Any) -> SafeString:
    """Show the organization."""
    shown: SafeString = event.target_links.organization(event)
    return shown


@admin.display(description=gettext_lazy("actor"))
def actor(event: AuditEvent) -> str:
    """Show the user who did it."""
    return event.actor or "-"


@admin.display(description=gettext_lazy("details"))
def details_table(event: AuditEvent) -> SafeString:
    """Show the details as a table: the values, or those before and after an edit."""
    is_edit = event.event.endswith(".changed")
    titles = (_("Field"), _("Before"), _("After")) if is_edit else (_("Field"), _("Value"))
    rows = [
        (name, *(_before_and_after(value) if is_edit else (value,)))
        for name, value in event.details.items()
    ]
    return _table(titles, rows) if rows else format_html("{}", "-")


def _two_lines(first: str, second: str) -> SafeString:
    lines = [each for each in (first, second) if each] or ["-"]
    return format_html_join("", '<span class="te-line">{}</span>', ((each,) for each in lines))


def _before_and_after(value: Any) -> tuple[Any, Any]:
    # For some fields, events record only that they changed.
    return tuple(value) if isinstance(value, list) else (_("Not recorded"), _("Not recorded"))


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
        return _("Yes") if value else _("No")
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
