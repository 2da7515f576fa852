"""How do reports and callers look on the wire?"""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from reports.models import Report


class ReportSerializer(serializers.ModelSerializer[Report]):
    """A report; its organization is that of the caller, who cannot choose it."""

    class Meta:
        model = Report
        fields: ClassVar[list[str]] = ["id", "title", "body", "created_by", "created_at"]


class CallerSerializer(serializers.Serializer[object]):
    """Who calls, as the token says."""

    subject = serializers.CharField()
    client_id = serializers.CharField()
    organization = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    user = serializers.CharField(allow_null=True, help_text="The owner of a user's key, or null.")
    expires_at = serializers.DateTimeField()


class CountSerializer(serializers.Serializer[object]):
    """How many reports there are."""

    count = serializers.IntegerField()
