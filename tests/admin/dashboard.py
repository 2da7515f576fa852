"""Helpers that write hourly counts and parse the dashboard."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.support.admin_urls import admin_url
from token_exchange.models import Counted, HourlyCount

DASHBOARD = admin_url("dashboard", "changelist")


def count(credential: Any, outcome: str, number: int, *, hours_ago: int = 0) -> None:
    """Count exchanges of a credential and its organization; ``None`` for unknown ones."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    organization = "" if credential is None else str(credential.organization_id)
    names = {""} if credential is None else {"", credential.identifier}
    rows = {Counted(hour, name, organization, outcome): number for name in names}
    HourlyCount.objects.add(Counter(rows))


def summary(response: Any) -> dict[str, str]:
    """Return the totals at the top by their labels."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", response.text))


def table(response: Any, name: str) -> list[list[str]]:
    """Return the cells of the first table of a section, without its header."""
    section = re.search(rf'aria-labelledby="te-{name}">(.*?)</section>', response.text, re.DOTALL)
    assert section is not None, f"there is no section {name}"
    bodies = re.findall(r"<tbody>(.*?)</tbody>", section[1], re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", bodies[0], re.DOTALL) if bodies else []
    return [[_text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def _text(cell: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", "", cell).split()))
