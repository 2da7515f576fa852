"""What is the least that each operation can cost in Django?

Written by hand for speed alone: what a package must do besides (settings, refusals in one shape,
rotation, generations, networks, audit) is left out, and no token can be revoked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache as counters
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework.views import APIView

from subjects import signatures
from subjects.filling import numbered, numbers, run
from subjects.protected import protected
from subjects.requests import Step, request

_ISSUER = "https://issuer.test"
_LIFETIME_SECONDS = 1800
_REUSE_MARGIN_SECONDS = 1800
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_HEADER = signatures.header(settings.BENCHMARKS_ALGORITHM)
_VERIFIED: dict[str, tuple[Machine, dict[str, Any]]] = {}


# -- The views


class Machine:
    """The least that IsAuthenticated asks of a user."""

    is_authenticated = True

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier


def plain_view(_request: HttpRequest) -> HttpResponse:
    """Answer."""
    return JsonResponse({"ok": True})


class DrfView(APIView):
    """Answers, through Django REST framework."""

    def get(self, _request: Any) -> Response:
        """Answer."""
        return Response({"ok": True})


@csrf_exempt
def issuer(request: HttpRequest) -> HttpResponse:
    """Exchange an API key for a token: one SELECT, one signature, one INSERT."""
    key = request.META["HTTP_AUTHORIZATION"].removeprefix("ApiKey ")
    now = int(time.time())
    credential, organization, scope = _credential(key.rpartition(".")[0], key, now=now)
    _count(credential)
    jti = secrets.token_urlsafe(16)
    claims = _claims(credential, organization, scope, now=now, jti=jti)
    token = _signed(signatures.unsigned(_HEADER, claims))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ideal_token (jti, credential, scope, issued_at, expires_at) "
            "VALUES (%s, %s, %s, %s, %s)",
            (jti, credential, scope, now, claims["exp"]),
        )
    return JsonResponse(
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": _LIFETIME_SECONDS,
            "scope": scope,
        },
        headers=_NO_STORE,
    )


@csrf_exempt
def reuse(request: HttpRequest) -> HttpResponse:
    """Hand out a live token again: one SELECT, one signature."""
    pair = base64.b64decode(request.META["HTTP_AUTHORIZATION"].removeprefix("Basic ")).decode()
    client_id, _, secret = pair.partition(":")
    now = int(time.time())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.digest, t.signing_input, t.expires_at FROM ideal_credential c "
            "JOIN ideal_token t ON t.credential = c.identifier "
            "WHERE c.identifier = %s AND t.expires_at > %s AND t.signing_input IS NOT NULL "
            "AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > %s) "
            "ORDER BY t.id DESC LIMIT 1",
            (client_id, now + _REUSE_MARGIN_SECONDS, now),
        )
        digest, signing_input, expires_at = cursor.fetchone()
    _check(secret, digest)
    _count(client_id)
    token = {
        "token": _signed(signing_input.encode()),
        "expiration": expires_at,
        "expiration_dt": f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return JsonResponse({"success": True, "access_token": token}, headers=_NO_STORE)


class FirstSightAuthentication(BaseAuthentication):
    """Verifies each token: a signature and the claims."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return user and claims."""
        scheme, _, token = request.META["HTTP_AUTHORIZATION"].partition(" ")
        if scheme != "Bearer":
            return None
        return _trusted(token)


class DictionaryAuthentication(BaseAuthentication):
    """Knows verified tokens by heart, and asks no database."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return user and claims."""
        scheme, _, token = request.META["HTTP_AUTHORIZATION"].partition(" ")
        if scheme != "Bearer":
            return None
        known = _VERIFIED.get(token)
        if known is None:
            known = _VERIFIED[token] = _trusted(token)
        if known[1]["exp"] <= time.time():
            raise AuthenticationFailed
        return known


class UserAuthentication(DictionaryAuthentication):
    """Knows verified tokens by heart, and reads the user."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return user and claims."""
        known = super().authenticate(request)
        if known is None:
            return None
        user = get_user_model().objects.get(pk=known[1]["sub"])
        if not user.is_active:
            raise AuthenticationFailed
        return user, known[1]


class KeyAuthentication(BaseAuthentication):
    """Looks the API key up: one SELECT."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return user and identifier."""
        scheme, _, key = request.META["HTTP_AUTHORIZATION"].partition(" ")
        if scheme != "ApiKey":
            return None
        identifier = _credential(key.rpartition(".")[0], key, now=int(time.time()))[0]
        return Machine(identifier), identifier


urlpatterns = [
    path("plain", plain_view),
    path("drf", DrfView.as_view()),
    path("issuer", issuer),
    path("reuse", reuse),
    path("verifier", protected(DictionaryAuthentication)),
    path("first-sight", protected(FirstSightAuthentication)),
    path("user", protected(UserAuthentication)),
    path("key", protected(KeyAuthentication)),
]


def _credential(identifier: str, secret: str, *, now: int) -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT digest, organization, scope, expires_at, revoked_at FROM ideal_credential "
            "WHERE identifier = %s",
            (identifier,),
        )
        digest, organization, scope, expires_at, revoked_at = cursor.fetchone()
    _check(secret, digest)
    if revoked_at is not None or (expires_at is not None and expires_at <= now):
        raise AuthenticationFailed
    return identifier, organization, scope


def _check(secret: str, digest: str) -> None:
    if not hmac.compare_digest(_digest(secret), digest):
        raise AuthenticationFailed


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _count(identifier: str) -> None:
    """Make the calls of a counter that all processes share, if rates are limited."""
    if settings.BENCHMARKS_RATE_LIMITS:
        window = int(time.time()) // 86_400
        key = hashlib.sha256(f"{identifier}:{window}".encode()).hexdigest()
        if not counters.add(key, 1, 86_400):
            counters.incr(key)


def _claims(
    credential: str, organization: str, scope: str, *, now: int, jti: str
) -> dict[str, Any]:
    return {
        "iss": _ISSUER,
        "sub": credential,
        "aud": _ISSUER,
        "client_id": credential,
        "scope": scope,
        "iat": now,
        "exp": now + _LIFETIME_SECONDS,
        "jti": jti,
        "org": organization,
    }


@cache
def _key() -> signatures.Es256 | signatures.Rs256:
    """Return the key that all processes of this subject have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pem FROM ideal_key")
        return signatures.load(settings.BENCHMARKS_ALGORITHM, cursor.fetchone()[0])


def _signed(signing_input: bytes) -> str:
    return (signing_input + b"." + signatures.encode(_key().sign(signing_input))).decode()


def _trusted(token: str) -> tuple[Machine, dict[str, Any]]:
    signing_input, _, signature = token.encode().rpartition(b".")
    encoded_header, _, payload = signing_input.partition(b".")
    if encoded_header != _HEADER:
        raise AuthenticationFailed
    _key().verify(signatures.decode(signature), signing_input)
    claims = json.loads(signatures.decode(payload))
    if claims["iss"] != _ISSUER or claims["aud"] != _ISSUER or claims["exp"] <= time.time():
        raise AuthenticationFailed
    return Machine(claims["client_id"]), claims


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
        _digest(_SECRET),
    )
    _multiply(rows, now=now)
    claims = _claims(_CREDENTIAL, "1", "reports:read", now=now, jti="j" * 22)
    run(
        "INSERT INTO ideal_token (jti, credential, scope, issued_at, expires_at, signing_input) "
        "VALUES (%s, %s, 'reports:read', %s, %s, %s)",
        "j" * 22,
        _CREDENTIAL,
        now,
        now + 8 * 3600,
        signatures.unsigned(_HEADER, claims).decode(),
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
        f"{now}, {now + _LIFETIME_SECONDS} FROM ({numbers(rows)}) AS n"
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
    now, jti = int(time.time()), secrets.token_urlsafe(16)
    claims = {**_claims(_CREDENTIAL, "1", "reports:read", now=now, jti=jti), "sub": subject}
    return f"Bearer {_signed(signatures.unsigned(_HEADER, claims))}"


def _signature(_state: dict[str, Any], count: int) -> list[Step]:
    return [lambda: _key().sign(b"x" * 400)] * count


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
