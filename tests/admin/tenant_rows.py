"""Rows of two organizations, and the texts that would reveal them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.core import serializers
from django.utils import timezone

from tests.admin.clients import make_token
from tests.support.factories import make_api_key, make_client_app, make_user
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act
from token_exchange.models import AuditEvent, Credential, Organization, SigningKey

NOBODY = 2**31 - 1
"""A primary key that no row has."""

FOREIGN = "Foreign Affairs"
"""The other organization."""


def make_rows(organization: Any, username: str) -> dict[str, Any]:
    """Create a row of each model, with the organization's name in each name."""
    owner = make_user(username=username)
    values = {"organization": organization, "scopes": ["a"]}
    key = make_api_key(name=f"{organization} key", owner=owner, **values)
    app = make_client_app(name=f"{organization} app", **values)
    token = make_token(key)
    for issued in (key, app):
        credentials.rotate(issued.credential, act=Act(now=timezone.now(), by=owner))
    return {
        "apikey": key.credential,
        "clientapp": app.credential,
        "accesstoken": token,
        "organization": organization,
        "owner": owner,
        "auditevent": AuditEvent.objects.filter(organization=str(organization.pk)).latest("pk"),
    }


def text_of(response: Any) -> str:
    """Return the body of a response, also of a streaming one."""
    if not response.streaming:
        return str(response.text)
    # A stream can be read only once.
    if not hasattr(response, "whole_text"):
        response.whole_text = response.getvalue().decode()
    return str(response.whole_text)


def told(response: Any, rows: dict[str, Any]) -> list[str]:
    """Return the texts of the rows that a response contains."""
    return [mark for mark in marks(rows) if mark in text_of(response)]


def marks(rows: dict[str, Any]) -> list[str]:
    """Return the texts that would reveal the rows."""
    return [
        rows["organization"].name,
        rows["owner"].username,
        rows["accesstoken"].jti,
        rows["apikey"].identifier,
        rows["clientapp"].identifier,
    ]


def everything() -> str:
    """Return all rows that an operator could change, for comparison."""
    rows = [*Credential.objects.all(), *Organization.objects.all(), *SigningKey.objects.all()]
    return serializers.serialize("json", [*rows, *LogEntry.objects.all()])
