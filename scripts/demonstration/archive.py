"""The second service, which has none of the issuer's tables and follows its revocations."""

from __future__ import annotations

import shlex
import socket
import time
from urllib.parse import urlsplit

from demonstration.narrator import Answer, Narrator, send, shorten
from demonstration.server import Server
from demonstration.service import Service
from demonstration.stage import Cast, command

OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403
BOUND_SECONDS = 1.0
"""``REVOCATION_MAX_AGE``: the second service relies on nothing older."""
PATIENCE_SECONDS = 10
_PATH = "/api/archive"


class Archive(Server):
    """The second service of the example; its tables are none and its secret is one API key."""

    def __init__(self, issuer: Server, *, raw_api_key: str) -> None:
        super().__init__(
            issuer.python,
            "archive.wsgi",
            folder=issuer.folder,
            port=_free_port(),
            probe=_PATH,
            variables={
                "TOKEN_EXCHANGE_ISSUER": issuer.url,
                "TOKEN_EXCHANGE_REVOCATIONS_API_KEY": raw_api_key,
                "TOKEN_EXCHANGE_REQUIRE_HTTPS": "off",
            },
        )


def walk(service: Service, archive: Archive, narrator: Narrator, cast: Cast) -> None:
    """Open its view with two tokens, revoke the credential of one, and wait for the refusal."""
    _introduce(archive, narrator)
    doomed = command(
        service,
        narrator,
        *("create_api_key", "--organization", cast.organization),
        *("--name", "Tablet", "--scope", "reports:read"),
    )
    keys = (doomed, cast.stranger, cast.follower)
    token, other, narrow = (_token(service, each["key"]) for each in keys)
    opened = _call(archive, narrator, token)
    narrator.check("a token of the issuer opens its view", passed=opened.status == OK)
    is_known = opened.json.get("client_id") == doomed["identifier"]
    narrator.check("and is known there by its client", passed=is_known)
    refused = _call(archive, narrator, narrow)
    narrator.check("one without the scope does not", passed=refused.status == FORBIDDEN)
    command(service, narrator, "revoke_credential", doomed["identifier"])
    _watch_the_end(archive, narrator, token)
    going_on = _call(archive, narrator, other)
    narrator.check("tokens of other credentials go on", passed=going_on.status == OK)


def _introduce(archive: Archive, narrator: Narrator) -> None:
    narrator.step(
        "A second service, without our tables",
        "Keys and revocations come from the issuer. Its own key may read what is revoked.",
    )
    for name, value in archive.variables.items():
        print(f"  {name}={shlex.quote(shorten(value))}")
    bind = f"--bind {urlsplit(archive.url).netloc}"
    print(f"$ gunicorn --chdir example_project {bind} {archive.application}")


def _token(service: Service, raw_api_key: str) -> str:
    headers = {"Authorization": f"ApiKey {raw_api_key}"}
    answer = send("POST", f"{service.url}/v1/token", headers=headers)
    return str(answer.json.get("access_token"))


def _call(archive: Archive, narrator: Narrator, token: str) -> Answer:
    return narrator.call("GET", f"{archive.url}{_PATH}", authorization=f"Bearer {token}")


def _watch_the_end(archive: Archive, narrator: Narrator, token: str) -> None:
    """Ask again and again until the token is refused.

    The bound is one of the requests: none that is sent later than that may be let through, however
    slowly this machine answers.
    """
    revoked_at = time.monotonic()
    headers = {"Authorization": f"Bearer {token}"}
    last_passed = 0.0
    while (sent_after := time.monotonic() - revoked_at) < PATIENCE_SECONDS:
        if send("GET", f"{archive.url}{_PATH}", headers=headers).status != OK:
            break
        last_passed = sent_after
        time.sleep(0.05)
    took = time.monotonic() - revoked_at
    print(f"  Refused {took:.2f} seconds after the revocation; the bound is {BOUND_SECONDS:.0f}.")
    refused = _call(archive, narrator, token)
    narrator.check("the revoked one is refused there too", passed=refused.status == UNAUTHORIZED)
    narrator.check(
        f"and let through no later than {BOUND_SECONDS:.0f} second after",
        passed=last_passed <= BOUND_SECONDS,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
