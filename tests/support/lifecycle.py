"""Every operation that sends a life-cycle signal, performed once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.support.authentication import authenticate_api_key, authenticate_client_app
from tests.support.factories import api_key_header, make_api_key, make_client_app, make_token
from token_exchange.issuer import credentials, signing_keys, tokens
from token_exchange.issuer.credentials import Act
from token_exchange.models import AccessToken, Credential
from token_exchange.observability import notifications

HOUR = timedelta(hours=1)
NAMES = (
    "credential_issued",
    "credential_changed",
    "credential_rotated",
    "credential_overlap_ended",
    "credential_revoked",
    "credential_tokens_invalidated",
    "previous_secret_used",
    "access_token_revoked",
    "signing_key_published",
    "signing_key_removed",
)

BY_ITSELF = ("credential_expiring", "previous_secret_still_used", "credential_leaked")
"""What nobody who is known does: a task finds it, or a stranger tells."""


def authenticated(issued: Any) -> Any:
    return authenticate_client_app(
        issued.credential.identifier, issued.raw_secret, address="192.0.2.1", now=timezone.now()
    )


def do_everything(https_client: Any, *, by: Any = None, name: str = "Nightly") -> list[str]:
    """Do all that a signal is sent for, and return every secret that was made on the way."""
    now = timezone.now()
    key = make_api_key(name=name, by=by, scopes=["read"])
    app = make_client_app(name=name, by=by)
    answer = https_client.post("/v1/token", headers=api_key_header(key))
    token = answer.json()["access_token"]
    rotated = credentials.rotate(key.credential, overlap=HOUR, act=Act(now=now, by=by))
    authenticate_api_key(key.raw_secret, address="192.0.2.1", now=now)
    credentials.end_overlap(key.credential, act=Act(now=now, by=by))
    compromised = credentials.rotate(key.credential, compromised=True, act=Act(now=now, by=by))
    make_token(app.credential)
    credentials.invalidate_tokens(authenticated(app), act=Act(now=now))
    tokens.revoke(AccessToken.objects.get(credential=key.credential.pk), act=Act(now=now, by=by))
    credentials.edit(key.credential, {"name": f"{name} 2"}, act=Act(now=now, by=by))
    credentials.revoke(key.credential, act=Act(now=now, by=by, reason="Leaked"))
    signing_keys.rotate_signing_key(all_new=True, act=Act(now=now, by=by))
    issued = (key, app, rotated, compromised)
    return [token, *token.split("."), *(each.raw_secret for each in issued)]


def let_happen(https_client: Any) -> list[str]:
    """Let happen what happens by itself, and return every secret that was made on the way."""
    now = timezone.now()
    key = make_api_key(now=now - timedelta(days=30), expires_at=now + HOUR)
    rotated = credentials.rotate(key.credential, overlap=1.5 * HOUR, act=Act(now=now - HOUR))
    Credential.objects.filter(pk=key.credential.pk).update(previous_secret_last_used_at=now)
    notifications.warn(now=now)
    report = json.dumps([rotated.raw_secret])
    https_client.post("/v1/leaked-credentials", report, content_type="application/json")
    return [key.raw_secret, rotated.raw_secret]
