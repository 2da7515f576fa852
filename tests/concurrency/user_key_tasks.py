"""Tasks of the process pool that manage one user's keys."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from django.test import Client
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act, CredentialConflict
from token_exchange.models import Credential

SECONDS = 60
ROUNDS = 6


def send(client: Client, token: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
    """Send JSON with a token; return status and body."""
    headers = {"authorization": f"Bearer {token}"}
    data = json.dumps(body)
    answer = client.generic(method, path, data, "application/json", secure=True, headers=headers)
    return answer.status_code, answer.json()


def call(
    member: int, signals: Any, tokens: list[str], requests: list[tuple[str, str]]
) -> tuple[str, int, Any]:
    """Send one of the requests, with one of the tokens, when all others do."""
    method, path = requests[member % len(requests)]
    client = Client(raise_request_exception=False)
    signals.start.wait(SECONDS)
    return (method, *send(client, tokens[member % len(tokens)], method, path))


def compromise(member: int, signals: Any, token: str, identifier: str) -> list[int]:
    """Rotate a key as compromised again and again: its user does, or an operator does."""
    client = Client(raise_request_exception=False)
    path = f"/v1/user-api-keys/{identifier}/rotate"
    statuses = []
    signals.start.wait(SECONDS)
    for _ in range(ROUNDS):
        if member % 2:
            statuses.append(send(client, token, "POST", path, compromised=True)[0])
        else:
            key = Credential.objects.get(identifier=identifier)
            with contextlib.suppress(CredentialConflict):  # another was faster
                credentials.rotate(key, compromised=True, act=Act(now=timezone.now()))
    return statuses


def create_until_revoked(member: int, signals: Any, token: str) -> list[tuple[bool, int]]:
    """Make keys until the calling key is gone; return whether each began after that."""
    client = Client(raise_request_exception=False)
    signals.start.wait(SECONDS)
    statuses = []
    while True:
        turned = signals.turned.is_set()
        status, _body = send(client, token, "POST", "/v1/user-api-keys")
        statuses.append((turned, status))
        signals.progress.release()
        if turned:
            return statuses
