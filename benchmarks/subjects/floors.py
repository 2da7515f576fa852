"""Floors: rows and requests of the hand-written views."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import path

from subjects import ideal_tokens, ideal_views, signatures
from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import numbered
from tests.support.bulk_rows import numbers, run

urlpatterns = [
    path("plain", ideal_views.plain_view),
    path("drf", ideal_views.DrfView.as_view()),
    path("issuer", ideal_views.issuer),
    path("reuse", ideal_views.reuse),
    path("verifier", protected(ideal_views.DictionaryAuthentication)),
    path("first-sight", protected(ideal_views.FirstSightAuthentication)),
    path("user", protected(ideal_views.UserAuthentication)),
    path("key", protected(ideal_views.KeyAuthentication)),
]


# -- The rows

_CREDENTIAL = "ci_live.000000000000"
_SECRET = f"{_CREDENTIAL}.{'s' * 49}"
_SERIAL = {"postgresql": "bigserial PRIMARY KEY", "sqlite": "integer PRIMARY KEY AUTOINCREMENT"}


def fill(rows: int) -> dict[str, Any]:
    """Make two tables with ``rows`` each, and a user."""
    serial = _SERIAL[connection.vendor]
    run(
        f"CREATE TABLE ideal_credential (id {serial}, identifier varchar(40) NOT NULL UNIQUE, "
        "digest varchar(64) NOT NULL, organization varchar(40) NOT NULL, scope text NOT NULL, "
        "expires_at bigint, revoked_at bigint)"
    )
    run(
        f"CREATE TABLE ideal_token (id {serial}, jti varchar(22) NOT NULL UNIQUE, "
        "credential varchar(40) NOT NULL, scope text NOT NULL, issued_at bigint NOT NULL, "
        "expires_at bigint NOT NULL, signing_input text)"
    )
    run("CREATE TABLE ideal_key (pem text NOT NULL)")
    run("INSERT INTO ideal_key VALUES (%s)", signatures.generate(settings.BENCHMARKS_ALGORITHM))
    run("CREATE INDEX ideal_token_expiry ON ideal_token (expires_at)")
    run("CREATE INDEX ideal_token_reuse ON ideal_token (credential, expires_at)")
    now = int(time.time())
    run(
        "INSERT INTO ideal_credential (identifier, digest, organization, scope) "
        "VALUES (%s, %s, '1', 'reports:read')",
        _CREDENTIAL,
        ideal_views.digest(_SECRET),
    )
    _multiply(rows, now=now)
    claims = ideal_tokens.make_claims(_CREDENTIAL, "1", "reports:read", now=now, jti="j" * 22)
    run(
        "INSERT INTO ideal_token (jti, credential, scope, issued_at, expires_at, signing_input) "
        "VALUES (%s, %s, 'reports:read', %s, %s, %s)",
        "j" * 22,
        _CREDENTIAL,
        now,
        now + 8 * 3600,
        ideal_tokens.unsigned(claims).decode(),
    )
    user = get_user_model().objects.create_user("benchmarks")
    return {"user": user.pk}


def _multiply(rows: int, *, now: int) -> None:
    run(
        "INSERT INTO ideal_credential (identifier, digest, organization, scope) "
        f"SELECT {numbered('ci_live.', 20)}, '{'0' * 64}', '1', 'reports:read' "
        f"FROM ({numbers(rows)}) AS n"
    )
    run(
        "INSERT INTO ideal_token (jti, credential, scope, issued_at, expires_at) "
        f"SELECT {numbered('j', 22)}, {numbered('ci_live.', 20)}, 'reports:read', "
        f"{now}, {now + ideal_tokens.LIFETIME_SECONDS} FROM ({numbers(rows)}) AS n"
    )


# -- The requests


def _plain(_state: dict[str, Any], count: int) -> list[Step]:
    return [request("GET", "/plain") for _ in range(count)]


def _drf(_state: dict[str, Any], count: int) -> list[Step]:
    return [request("GET", "/drf") for _ in range(count)]


def _exchange(_state: dict[str, Any], count: int) -> list[Step]:
    return [request("POST", "/issuer", authorization=f"ApiKey {_SECRET}") for _ in range(count)]


def _reuse(_state: dict[str, Any], count: int) -> list[Step]:
    pair = base64.b64encode(f"{_CREDENTIAL}:{_SECRET}".encode()).decode()
    return [request("POST", "/reuse", authorization=f"Basic {pair}") for _ in range(count)]


def _verify(_state: dict[str, Any], count: int) -> list[Step]:
    bearer = _bearer(_CREDENTIAL)
    return [request("GET", "/verifier", authorization=bearer) for _ in range(count)]


def _first_sight(_state: dict[str, Any], count: int) -> list[Step]:
    return [
        request("GET", "/first-sight", authorization=_bearer(_CREDENTIAL)) for _ in range(count)
    ]


def _verify_user(state: dict[str, Any], count: int) -> list[Step]:
    bearer = _bearer(str(state["user"]))
    return [request("GET", "/user", authorization=bearer) for _ in range(count)]


def _verify_key(_state: dict[str, Any], count: int) -> list[Step]:
    return [request("GET", "/key", authorization=f"ApiKey {_SECRET}") for _ in range(count)]


def _bearer(subject: str) -> str:
    claims = ideal_tokens.make_claims(
        _CREDENTIAL,
        "1",
        "reports:read",
        now=int(time.time()),
        jti=secrets.token_urlsafe(16),
    )
    claims["sub"] = subject
    return f"Bearer {ideal_tokens.sign(ideal_tokens.unsigned(claims))}"


def _signature(_state: dict[str, Any], count: int) -> list[Step]:
    return [lambda: ideal_tokens.key().sign(b"x" * 400)] * count


STEPS = {
    "plain": _plain,
    "drf": _drf,
    "exchange": _exchange,
    "reuse": _reuse,
    "verify": _verify,
    "first sight": _first_sight,
    "verify user": _verify_user,
    "verify key": _verify_key,
    "signature": _signature,
}
