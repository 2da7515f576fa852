"""The report, which belongs to an organization."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class ReportQuerySet(models.QuerySet["Report"]):
    """Reports of every organization."""

    def of(self, organization_id: Any) -> ReportQuerySet:
        """Return the reports of an organization, newest first."""
        return self.filter(organization_id=organization_id).order_by("-pk")


class Report(models.Model):
    """A text that only the clients of its organization can read and write."""

    organization = models.ForeignKey(
        settings.TOKEN_EXCHANGE_ORGANIZATION_MODEL,
        on_delete=models.PROTECT,
        related_name="reports",
    )
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, max_length=10_000)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReportQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title
