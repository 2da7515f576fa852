"""What does this project cost?

Asked through its public doors alone: its commands, its urls and its authentication classes.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from subjects.filling import multiply, numbered
from subjects.requests import Step, request
from token_exchange.authentication import BearerAuthentication
from token_exchange.credential_authentication import ApiKeyAuthentication


class _ProtectedView(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, _request: Any) -> Response:
        return Response({"ok": True})


class BearerView(_ProtectedView):
    """Answers to those who bring a token."""

    authentication_classes = (BearerAuthentication,)


class KeyView(_ProtectedView):
    """Answers to those who bring an API key."""

    authentication_classes = (ApiKeyAuthentication,)


urlpatterns = [
    path("", include("token_exchange.urls")),
    path("bearer", BearerView.as_view()),
    path("key", KeyView.as_view()),
]


# -- The rows


def fill(rows: int) -> dict[str, Any]:
    """Make an organization, a machine's key, a user's key and a client app, among ``rows``."""
    get_user_model().objects.create_user("benchmarks")
    _command("create_organization", "Benchmarks", "--slug", "benchmarks")
    issue = ("--organization", "benchmarks", "--scope", "reports:read", "--name")
    machine = _command("create_api_key", *issue, "Machine")
    user = _command("create_api_key", *issue, "User", "--owner", "benchmarks")
    client = _command("create_client_app", *issue, "Client")
    state = {
        "machine": machine["key"],
        "user": user["key"],
        "client": f"{client['client_id']}:{client['client_secret']}",
    }
    _bearer(state["machine"])
    _multiply(rows)
    return state


def _command(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def _multiply(rows: int) -> None:
    credential = apps.get_model("token_exchange", "Credential").objects.order_by("pk").first()
    multiply(
        credential,
        rows,
        {"identifier": numbered("sk_live.", 20), "secret_digest": numbered("", 64)},
    )
    token = apps.get_model("token_exchange", "AccessToken").objects.get()
    multiply(token, rows, {"jti": numbered("j", 22), "credential_id": f"{credential.pk} + n.i"})


# -- The requests


def _exchange(state: dict[str, Any], count: int) -> list[Step]:
    return [_key_request("POST", "/v1/token", state["machine"]) for _ in range(count)]


def _reuse(state: dict[str, Any], count: int) -> list[Step]:
    pair = base64.b64encode(state["client"].encode()).decode()
    return [request("POST", "/auth_token", authorization=f"Basic {pair}") for _ in range(count)]


def _verify(state: dict[str, Any], count: int) -> list[Step]:
    bearer = _bearer(state["machine"])
    return [request("GET", "/bearer", authorization=bearer) for _ in range(count)]


def _first_sight(state: dict[str, Any], count: int) -> list[Step]:
    bearers = [_bearer(state["machine"]) for _ in range(count)]
    return [request("GET", "/bearer", authorization=bearer) for bearer in bearers]


def _verify_user(state: dict[str, Any], count: int) -> list[Step]:
    bearer = _bearer(state["user"])
    return [request("GET", "/bearer", authorization=bearer) for _ in range(count)]


def _verify_key(state: dict[str, Any], count: int) -> list[Step]:
    return [_key_request("GET", "/key", state["machine"]) for _ in range(count)]


def _bearer(key: str) -> str:
    answer = json.loads(_key_request("POST", "/v1/token", key)())
    return f"Bearer {answer['access_token']}"


def _key_request(method: str, url: str, key: str) -> Step:
    return request(method, url, authorization=f"ApiKey {key}")


STEPS = {
    "exchange": _exchange,
    "reuse": _reuse,
    "verify": _verify,
    "first sight": _first_sight,
    "verify user": _verify_user,
    "verify key": _verify_key,
}
