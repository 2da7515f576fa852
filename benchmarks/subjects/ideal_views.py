"""Views of the floors: the least that each operation can cost in Django.

They are written for speed alone and leave out what a package must do besides: settings, uniform
refusals, rotation, generations, networks and audit. Their tokens cannot be revoked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.response import Response
from rest_framework.views import APIView

from subjects import ideal_tokens

_REUSE_MARGIN_SECONDS = 1800
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_VERIFIED: dict[str, tuple[Machine, dict[str, Any]]] = {}


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
    claims = ideal_tokens.make_claims(credential, organization, scope, now=now, jti=jti)
    token = ideal_tokens.sign(ideal_tokens.unsigned(claims))
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
            "expires_in": ideal_tokens.LIFETIME_SECONDS,
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
        stored, signing_input, expires_at = cursor.fetchone()
    _check(secret, stored)
    _count(client_id)
    token = {
        "token": ideal_tokens.sign(signing_input.encode()),
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
        return _known(token)


class DictionaryAuthentication(BaseAuthentication):
    """Knows verified tokens by heart, and asks no database."""

    def authenticate(self, request: Any) -> tuple[Any, Any] | None:
        """Return user and claims."""
        scheme, _, token = request.META["HTTP_AUTHORIZATION"].partition(" ")
        if scheme != "Bearer":
            return None
        known = _VERIFIED.get(token)
        if known is None:
            known = _VERIFIED[token] = _known(token)
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


def digest(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _credential(identifier: str, secret: str, *, now: int) -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT digest, organization, scope, expires_at, revoked_at FROM ideal_credential "
            "WHERE identifier = %s",
            (identifier,),
        )
        stored, organization, scope, expires_at, revoked_at = cursor.fetchone()
    _check(secret, stored)
    if revoked_at is not None or (expires_at is not None and expires_at <= now):
        raise AuthenticationFailed
    return identifier, organization, scope


def _check(secret: str, stored: str) -> None:
    if not hmac.compare_digest(digest(secret), stored):
        raise AuthenticationFailed


def _count(identifier: str) -> None:
    """Make the calls of a counter that all processes share, if rates are limited."""
    if settings.BENCHMARKS_RATE_LIMITS:
        window = int(time.time()) // 86_400
        key = hashlib.sha256(f"{identifier}:{window}".encode()).hexdigest()
        if not cache.add(key, 1, 86_400):
            cache.incr(key)


def _known(token: str) -> tuple[Machine, dict[str, Any]]:
    claims = ideal_tokens.verify(token)
    return Machine(claims["client_id"]), claims
