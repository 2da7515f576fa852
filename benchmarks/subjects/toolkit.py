"""django-oauth-toolkit, with its grant ``client_credentials``."""

from __future__ import annotations

import base64
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import include, path
from django.utils import timezone
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import AccessToken, Application

from subjects.protected import protected
from subjects.requests import Step, request
from subjects.table_rows import mostly_expired, numbered
from tests.support.bulk_rows import multiply

TOKENS = AccessToken
_SECRET = "a-client-secret-of-the-benchmarks"

urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("user", protected(OAuth2Authentication)),
]


def fill(rows: int) -> dict[str, Any]:
    """Make an application and a user with a token, among ``rows``."""
    user = get_user_model().objects.create_user("benchmarks")
    application = Application.objects.create(
        client_id="benchmarks",
        client_secret=_SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    token = AccessToken.objects.create(
        user=user,
        application=application,
        token="t" * 30,
        scope="read",
        expires=timezone.now() + timedelta(days=1),
    )
    multiply(application, rows, {"client_id": numbered("c", 20)})
    changes = {
        "token": numbered("n", 30),
        "token_checksum": numbered("n", 64),
        "application_id": f"{application.pk} + n.i",
    }
    multiply(token, rows, changes)
    return {}


def add_expired(rows: int) -> None:
    """Add tokens of which most have expired."""
    changes = {
        "token": numbered("x", 30),
        "token_checksum": numbered("x", 64),
        "expires": mostly_expired(timezone.now()),
    }
    multiply(TOKENS.objects.first(), rows, changes)


def _exchange(_state: dict[str, Any], count: int) -> list[Step]:
    pair = base64.b64encode(f"benchmarks:{_SECRET}".encode()).decode()
    return [
        request(
            "POST",
            "/o/token/",
            authorization=f"Basic {pair}",
            body=b"grant_type=client_credentials",
            content_type="application/x-www-form-urlencoded",
        )
        for _ in range(count)
    ]


def _verify_user(_state: dict[str, Any], count: int) -> list[Step]:
    bearer = f"Bearer {'t' * 30}"
    return [request("GET", "/user", authorization=bearer) for _ in range(count)]


STEPS = {"exchange": _exchange, "verify user": _verify_user}
PURGES = {"purge": partial(call_command, "cleartokens")}
