"""The command that exports audit events."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from token_exchange.management.arguments import find_organization, moment, refuse_secret
from token_exchange.management.base import OneLineErrorCommand, one_line_errors
from token_exchange.models import AuditEvent
from token_exchange.models.audit_event import AuditEventQuerySet
from token_exchange.observability import audit_export


class Command(OneLineErrorCommand):
    """Export audit events."""

    help = "Print audit events, oldest first, as a JSON array or as CSV. They contain no secret."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the filters and the format."""
        add = parser.add_argument
        when = "such as 2026-01-31, 2026-01-31T12:00Z, or 7d for 7 days ago"
        add("--since", type=moment, metavar="TIME", help=f"Only events since this time, {when}.")
        add("--until", type=moment, metavar="TIME", help="Only events before this time.")
        add(
            "--event",
            action="append",
            choices=AuditEvent.Event.values,
            metavar="EVENT",
            help=f"Only this event. Repeat for more: {', '.join(AuditEvent.Event.values)}.",
        )
        add("--target", metavar="ID", help="Only events about this identifier, jti or kid.")
        add("--organization", metavar="SLUG", help="Only events of this organization.")
        add("--format", choices=[*audit_export.FORMATS], default="json", help="Default: json.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the events in batches, and on a terminal how many so far."""
        with one_line_errors():
            found = audit_export.batches(_filtered(**options))
            if sys.stderr.isatty():
                found = self._counted(found)
            for piece in audit_export.FORMATS[options["format"]](found):
                self.stdout.write(piece, ending="")

    def _counted(self, found: Iterable[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
        count = 0
        for batch in found:
            yield batch
            count += len(batch)
            self.stderr.write(f"\r{count} events", ending="", style_func=str)
        self.stderr.write("")


def _filtered(
    *,
    since: datetime | None,
    until: datetime | None,
    event: list[str] | None,
    target: str | None,
    organization: str | None,
    **_: Any,
) -> AuditEventQuerySet:
    events: AuditEventQuerySet = AuditEvent.objects.all()
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    if until is not None:
        events = events.filter(occurred_at__lt=until)
    if event is not None:
        events = events.filter(event__in=event)
    if target is not None:
        refuse_secret(target)
        events = events.filter(target=target)
    if organization is not None:
        events = events.filter(organization=str(find_organization(organization).pk))
    return events
