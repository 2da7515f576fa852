"""django-rest-knox, which exchanges a username and password sent by HTTP Basic."""

from __future__ import annotations

import base64
from typing import Any

from django.contrib.auth import get_user_model
from django.urls import path
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from knox.views import LoginView
from rest_framework.authentication import BasicAuthentication

from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import numbered
from tests.support.bulk_rows import multiply

_PASSWORD = "a-password-of-the-benchmarks"

urlpatterns = [
    path("login", LoginView.as_view(authentication_classes=(BasicAuthentication,))),
    path("user", protected(TokenAuthentication)),
]


def fill(rows: int) -> dict[str, Any]:
    """Make a user with a token and one who will log in, among ``rows``."""
    users = get_user_model().objects
    # Each request reads all tokens of its user, and an exchange adds one.
    users.create_user("exchanging", password=_PASSWORD)
    user = users.create_user("benchmarks")
    row, token = AuthToken.objects.create(user)
    multiply(user, rows, {"username": numbered("u", 20)})
    changes = {
        "digest": numbered("d", 128),
        "token_key": numbered("k", 15),
        "user_id": f"{user.pk} + n.i",
    }
    multiply(row, rows, changes)
    return {"token": token}


def _exchange(_state: dict[str, Any], count: int) -> list[Step]:
    pair = base64.b64encode(f"exchanging:{_PASSWORD}".encode()).decode()
    return [request("POST", "/login", authorization=f"Basic {pair}") for _ in range(count)]


def _verify_user(state: dict[str, Any], count: int) -> list[Step]:
    token = f"Token {state['token']}"
    return [request("GET", "/user", authorization=token) for _ in range(count)]


STEPS = {"exchange": _exchange, "verify user": _verify_user}
