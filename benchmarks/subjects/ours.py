"""token_exchange, used through its public commands, urls and authentication classes alone."""

from __future__ import annotations

import base64
import io
import json
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.urls import include, path
from django.utils import timezone

from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import mostly_expired, numbered
from tests.support.bulk_rows import multiply
from token_exchange.authentication import BearerAuthentication
from token_exchange.issuer.authentication import ApiKeyAuthentication

urlpatterns = [
    # First, as the other subjects have theirs: Django looks at the patterns one after the other.
    path("bearer", protected(BearerAuthentication)),
    path("key", protected(ApiKeyAuthentication)),
    path("", include("token_exchange.urls")),
]


# -- The rows

TOKENS = apps.get_model("token_exchange", "AccessToken")
_WINDOW = 1000


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
    multiply(
        TOKENS.objects.get(),
        rows,
        {"jti": numbered("j", 22), "credential_id": f"{credential.pk} + n.i"},
    )


def add_expired(rows: int) -> None:
    """Add tokens of which most have expired, in the order of no expiry."""
    token = TOKENS.objects.first()
    changes = {"jti": numbered("x", 22), "expires_at": mostly_expired(timezone.now())}
    multiply(token, rows, changes)


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


# -- The purges


def _purge() -> None:
    call_command("purge_expired_tokens", stdout=io.StringIO())


def _purge_by_hand() -> None:
    """Delete windows of primary keys, each in a transaction of its own: the floor."""
    table = TOKENS._meta.db_table
    expired_before = timezone.now() - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min(id), max(id) FROM {table}")
        first, last = cursor.fetchone()
        for after in range(first - 1, last, _WINDOW):
            cursor.execute(
                f"DELETE FROM {table} WHERE id > %s AND id <= %s AND expires_at < %s",
                (after, after + _WINDOW, expired_before),
            )


PURGES = {"purge": _purge, "by hand": _purge_by_hand}
