"""djangorestframework-simplejwt, which exchanges a username and password."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import path
from django.utils import timezone
from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView

from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import mostly_expired, numbered
from tests.support.bulk_rows import multiply

TOKENS = OutstandingToken
_PASSWORD = "a-password-of-the-benchmarks"

urlpatterns = [
    path("token", TokenObtainPairView.as_view()),
    path("user", protected(JWTAuthentication)),
    path("stateless", protected(JWTStatelessUserAuthentication)),
]


def fill(rows: int) -> dict[str, Any]:
    """Make a user with a token, among ``rows``."""
    user = get_user_model().objects.create_user("benchmarks", password=_PASSWORD)
    token = RefreshToken.for_user(user)
    multiply(user, rows, {"username": numbered("u", 20)})
    row = OutstandingToken.objects.get()
    multiply(row, rows, {"jti": numbered("j", 32), "user_id": f"{user.pk} + n.i"})
    return {"access": str(token.access_token)}


def add_expired(rows: int) -> None:
    """Add tokens of which most have expired."""
    changes = {"jti": numbered("x", 32), "expires_at": mostly_expired(timezone.now())}
    multiply(TOKENS.objects.first(), rows, changes)


def _exchange(_state: dict[str, Any], count: int) -> list[Step]:
    body = json.dumps({"username": "benchmarks", "password": _PASSWORD}).encode()
    return [
        request("POST", "/token", body=body, content_type="application/json") for _ in range(count)
    ]


def _verify_user(state: dict[str, Any], count: int) -> list[Step]:
    bearer = f"Bearer {state['access']}"
    return [request("GET", "/user", authorization=bearer) for _ in range(count)]


def _verify(state: dict[str, Any], count: int) -> list[Step]:
    bearer = f"Bearer {state['access']}"
    return [request("GET", "/stateless", authorization=bearer) for _ in range(count)]


STEPS = {"exchange": _exchange, "verify": _verify, "verify user": _verify_user}
PURGES = {"purge": partial(call_command, "flushexpiredtokens")}
