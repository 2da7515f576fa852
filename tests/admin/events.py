"""Helpers that write audit events and read the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.admin_urls import admin_url
from token_exchange.models import AuditEvent

LIST = "/admin/token_exchange/auditevent/"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOSTILE = "<script>alert('x')</script>\"'"


def make_event(**values):
    """Create an event that no operation recorded."""
    defaults = {"occurred_at": NOW, "event": "credential.revoked", "target_type": "api_key"}
    return AuditEvent.objects.create(**{**defaults, "target": "sk_live.0123456789AB", **values})


def found(operator, **query):
    """Return the events of a filtered list, the newest first."""
    return list(operator.get(LIST, query).context["cl"].result_list)


def detail(operator, event):
    return operator.get(admin_url("auditevent", "change", event)).text
