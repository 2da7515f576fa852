"""Tasks of the process pool.

Each takes its member number, the pool's signals, and arguments that can be pickled.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from token_exchange.issuer import credentials, purging, signing_keys
from token_exchange.issuer.credentials import Act, CredentialConflict
from token_exchange.models import Credential
from token_exchange.observability import exchange_counts, notifications
from token_exchange.signals import credential_expiring

SECONDS = 60
AFTERWARDS = 3
"""Exchanges that each member begins after the turn."""


def post_once(member: int, signals: Any, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """Post when all others do; return status and body."""
    client = _client()
    signals.start.wait(SECONDS)
    response = _post(client, path, headers)
    return response.status_code, response.json()


def post_until_turned(
    member: int, signals: Any, callers: list[tuple[str, dict[str, str]]]
) -> list[tuple[bool, str, int, Any]]:
    """Post again and again; return for each whether it began after the turn, and the answer."""
    path, headers = callers[member % len(callers)]
    client = _client()
    answers = []
    afterwards = 0
    signals.start.wait(SECONDS)
    stop_at = time.monotonic() + SECONDS
    while afterwards < AFTERWARDS and time.monotonic() < stop_at:
        turned = signals.turned.is_set()
        response = _post(client, path, headers)
        answers.append((turned, path, response.status_code, response.json()))
        signals.progress.release()
        afterwards += turned
    return answers


def rotate(member: int, signals: Any, identifier: str) -> str | None:
    """Rotate what all others rotate; return the new secret, ``None`` if another was faster."""
    credential = Credential.objects.get(identifier=identifier)
    signals.start.wait(SECONDS)
    try:
        return credentials.rotate(credential, act=Act(now=timezone.now())).raw_secret
    except CredentialConflict:
        return None


def revoke(member: int, signals: Any, identifier: str) -> bool:
    """Revoke what all others revoke; tell whether no other was faster."""
    credential = Credential.objects.get(identifier=identifier)
    signals.start.wait(SECONDS)
    try:
        credentials.revoke(credential, act=Act(now=timezone.now()))
    except CredentialConflict:
        return False
    return True


def warn(member: int, signals: Any, now: datetime) -> tuple[list[str], int]:
    """Warn when all others do; return of which this one heard, and how many mails it sent."""
    heard: list[str] = []
    identity = threading.get_ident()

    def hear(*, credential: Credential, **_: Any) -> None:
        if threading.get_ident() == identity:
            heard.append(credential.identifier)

    credential_expiring.connect(hear, weak=False)
    signals.start.wait(SECONDS)
    return heard, notifications.warn(now=now).mails


def report_leaks(member: int, signals: Any, raw_secrets: list[str]) -> tuple[int, bytes]:
    """Report in an order of one's own what all others report."""
    client = _client()
    mine = raw_secrets[member % len(raw_secrets) :] + raw_secrets[: member % len(raw_secrets)]
    signals.start.wait(SECONDS)
    response = client.post(
        "/v1/leaked-credentials",
        json.dumps(mine if member % 2 else mine[::-1]),
        content_type="application/json",
        secure=True,
    )
    return response.status_code, response.content


def report_or_compromise(member: int, signals: Any, identifier: str, raw_secret: str) -> str | None:
    """Report the secret in every other thread, and replace it in the rest; return the new one."""
    if member % 2:
        report_leaks(member, signals, [raw_secret])
        return None
    credential = Credential.objects.get(identifier=identifier)
    signals.start.wait(SECONDS)
    try:
        issued = credentials.rotate(credential, compromised=True, act=Act(now=timezone.now()))
    except CredentialConflict:
        return None
    return issued.raw_secret


def purge_or_post(
    member: int, signals: Any, callers: list[tuple[str, dict[str, str]]]
) -> tuple[str, Any]:
    """Purge in every other thread, and exchange in the rest."""
    client = _client()
    path, headers = callers[member // 2 % len(callers)]
    signals.start.wait(SECONDS)
    if member % 2:
        return "purged", purging.purge_expired_tokens(now=timezone.now())
    return "posted", [_post(client, path, headers).status_code for _ in range(10)]


def publish_signing_key(member: int, signals: Any) -> str | None:
    """Rotate the signing key when all others do; ``None`` if another was faster."""
    signals.start.wait(SECONDS)
    try:
        return signing_keys.rotate_signing_key(act=Act(now=timezone.now())).kid
    except signing_keys.SigningKeyConflict:
        return None


def count_and_flush(member: int, signals: Any, now: float, rounds: int) -> None:
    """Count what all others count, in an order of its own, and write it again and again."""
    signals.start.wait(SECONDS)
    for turn in range(rounds):
        for number in range(50):
            identifier = f"id{(number * (member + 3) + turn) % 50}"
            exchange_counts.count("exchanged", now=now, organization_id=1, identifier=identifier)
        exchange_counts.flush()


def _post(client: Client, path: str, headers: dict[str, str]) -> Any:
    return client.post(path, headers=headers, secure=True)


def _client() -> Client:
    """A client to which a failure is a response, as it is behind a server."""
    return Client(raise_request_exception=False)
