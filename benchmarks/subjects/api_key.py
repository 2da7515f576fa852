"""djangorestframework-api-key, which has no exchange: each request sends the key."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework_api_key.models import APIKey
from rest_framework_api_key.permissions import HasAPIKey

from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import numbered
from tests.support.bulk_rows import multiply

urlpatterns = [path("key", protected(permission=HasAPIKey))]


def fill(rows: int) -> dict[str, Any]:
    """Make a key, among ``rows``."""
    row, key = APIKey.objects.create_key(name="benchmarks")
    # Its prefix has eight characters.
    changes = {"id": numbered("i", 40), "prefix": "substr(CAST(100000000 + n.i AS text), 2)"}
    multiply(row, rows, changes)
    return {"key": key}


def _verify_key(state: dict[str, Any], count: int) -> list[Step]:
    key = f"Api-Key {state['key']}"
    return [request("GET", "/key", authorization=key) for _ in range(count)]


STEPS = {"verify key": _verify_key}
