"""Serializers of reports and callers."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from reports.models import Report


class ReportSerializer(serializers.ModelSerializer[Report]):
    """A report. Its organization is always the caller's, so it is not a field."""

    class Meta:
        model = Report
        fields: ClassVar[list[str]] = ["id", "title", "body", "created_by", "created_at"]


class CallerSerializer(serializers.Serializer[object]):
    """The caller, from the claims of the token."""

    subject = serializers.CharField()
    client_id = serializers.CharField()
    organization = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    user = serializers.CharField(allow_null=True, help_text="The owner of a user's key, or null.")
    expires_at = serializers.DateTimeField()


class CountSerializer(serializers.Serializer[object]):
    """The number of reports."""

    count = serializers.IntegerField()
