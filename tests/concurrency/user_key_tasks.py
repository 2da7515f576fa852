"""What do the members of a crowd do to one user's keys?"""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

SECONDS = 60
ROUNDS = 3


def send(client: Client, token: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
    """Send JSON with a token; return status and body."""
    headers = {"authorization": f"Bearer {token}"}
    data = json.dumps(body)
    answer = client.generic(method, path, data, "application/json", secure=True, headers=headers)
    return answer.status_code, answer.json()


def call(
    member: int, signals: Any, token: str, requests: list[tuple[str, str]]
) -> tuple[str, int, Any]:
    """Send one of the requests when all others do; return its method, status and body."""
    method, path = requests[member % len(requests)]
    client = Client(raise_request_exception=False)
    signals.start.wait(SECONDS)
    return (method, *send(client, token, method, path))


def come_and_go(member: int, signals: Any, token: str, identifiers: list[str]) -> list[int]:
    """Make, rotate and revoke keys, each member in another order; return the statuses."""
    client = Client(raise_request_exception=False)
    signals.start.wait(SECONDS)
    statuses = []
    for number in range(ROUNDS):
        key = f"/v1/user-api-keys/{identifiers[(member + number) % len(identifiers)]}"
        body = {"compromised": member % 2 == 0}
        for method, path, sent in (
            ("POST", "/v1/user-api-keys", {}),
            ("POST", f"{key}/rotate", body),
            *([("DELETE", key, {})] if number == ROUNDS - 1 else []),
        ):
            statuses.append(send(client, token, method, path, **sent)[0])
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
