"""Steps of the demonstration, and what must be true of each response."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from typing import Any

from demonstration import archive
from demonstration.archive import Archive
from demonstration.es256 import decode, is_signed
from demonstration.narrator import Answer, Narrator, send
from demonstration.service import Service
from demonstration.stage import Cast, command

OK, CREATED, FOUND, BAD_REQUEST, UNAUTHORIZED, FORBIDDEN = 200, 201, 302, 400, 401, 403
PATIENCE_SECONDS = 10


def walk(service: Service, second: Archive, narrator: Narrator, cast: Cast) -> None:
    """Show everything, in an order in which each step can rely on those before."""
    access_token = _exchange_api_key(service, narrator, cast)
    auth_token = _obtain_auth_token(service, narrator, cast)
    _use_tokens(service, narrator, cast, access_token=access_token, auth_token=auth_token)
    _refuse_scopes(service, narrator, cast, access_token=access_token)
    _verify_offline(service, narrator, token=access_token)
    auth_token = _end_auth_tokens(service, narrator, cast, auth_token=auth_token)
    newer_key = _rotate(service, narrator, cast)
    _revoke(service, narrator, cast, newer_key=newer_key, access_token=access_token)
    archive.walk(service, second, narrator, cast)
    _purge(service, narrator, cast, auth_token=auth_token)
    _visit_the_desk(service, narrator, cast)


def _exchange(narrator: Narrator, service: Service, key: str, **body: Any) -> Answer:
    return narrator.call(
        "POST", f"{service.url}/v1/token", authorization=f"ApiKey {key}", body=body or None
    )


def _call(narrator: Narrator, service: Service, path: str, token: str, body: Any = None) -> Answer:
    return narrator.call(
        "GET" if body is None else "POST",
        f"{service.url}{path}",
        authorization=f"Bearer {token}",
        body=body,
    )


def _exchange_api_key(service: Service, narrator: Narrator, cast: Cast) -> str:
    narrator.step("An API key becomes an access token")
    answer = _exchange(narrator, service, cast.key["key"])
    narrator.check("200, and nothing on the way may keep it", passed=_is_unkept(answer))
    is_bearer = answer.json.get("token_type") == "Bearer"
    is_half_an_hour = answer.json.get("expires_in") == 1800  # noqa: PLR2004
    narrator.check("a Bearer token for 1800 seconds", passed=is_bearer and is_half_an_hour)
    less = _exchange(narrator, service, cast.key["key"], expires_in=60, scope="reports:read")
    narrator.check("less may be asked for", passed=less.json.get("expires_in") == 60)  # noqa: PLR2004
    is_new = less.json.get("access_token") != answer.json.get("access_token")
    narrator.check("each exchange mints a new token", passed=is_new)
    return str(answer.json.get("access_token"))


def _is_unkept(answer: Answer) -> bool:
    directives = answer.headers.get("Cache-Control", "").split(", ")
    return answer.status == OK and "no-store" in directives


def _obtain_auth_token(service: Service, narrator: Narrator, cast: Cast) -> str:
    narrator.step("A client id and secret become an auth token")
    url = f"{service.url}/auth_token"
    body = {"header": {"version": "1", "reference": "first"}}
    first = narrator.call("POST", url, user=cast.client_pair, body=body)
    token = first.json.get("access_token", {})
    narrator.check("200, and nothing on the way may keep it", passed=_is_unkept(first))
    members = ["expiration", "expiration_dt", "token"]
    narrator.check("the object has exactly its three members", passed=sorted(token) == members)
    narrator.check("the reference came back", passed=first.json.get("reference") == "first")
    again = narrator.call("POST", url, user=cast.client_pair)
    same = again.status == OK and again.json.get("access_token") == token
    narrator.check("asked again: the same token, byte for byte", passed=same)
    return str(token.get("token"))


def _use_tokens(
    service: Service, narrator: Narrator, cast: Cast, *, access_token: str, auth_token: str
) -> None:
    narrator.step("Both tokens open the views, raw or base64-encoded once more")
    for token, credential in ((access_token, cast.key), (auth_token, cast.client)):
        encoded = base64.b64encode(token.encode()).decode()
        answers = [_call(narrator, service, "/api/whoami", each) for each in (token, encoded)]
        is_known = all(each.json.get("client_id") == credential["identifier"] for each in answers)
        narrator.check(f"both are known as {credential['name']!r}", passed=is_known)
    written = _call(narrator, service, "/api/reports", auth_token, {"title": "Third quarter"})
    narrator.check("the client app writes a report", passed=written.status == CREATED)
    read = _call(narrator, service, "/api/reports", access_token)
    is_there = [each["title"] for each in read.json.get("results", [])] == ["Third quarter"]
    narrator.check("the API key of the same organization reads it", passed=is_there)
    token = _exchange(narrator, service, cast.stranger["key"]).json.get("access_token")
    other = _call(narrator, service, "/api/reports", str(token))
    narrator.check("another organization sees none", passed=other.json.get("count") == 0)


def _refuse_scopes(service: Service, narrator: Narrator, cast: Cast, *, access_token: str) -> None:
    narrator.step("What a token has no scope for is refused")
    refused = _call(narrator, service, "/api/reports", access_token, {"title": "Fourth"})
    is_right = refused.status == FORBIDDEN and refused.json["error"] == "insufficient_scope"
    challenge = refused.headers.get("WWW-Authenticate", "")
    narrator.check("403 insufficient_scope", passed=is_right)
    narrator.check("the challenge names the scope", passed='scope="reports:write"' in challenge)
    greedy = _exchange(narrator, service, cast.key["key"], scope="reports:read reports:write")
    is_right = greedy.status == BAD_REQUEST and greedy.json["error"] == "invalid_scope"
    narrator.check("nor does an exchange give more than the key has", passed=is_right)


def _verify_offline(service: Service, narrator: Narrator, *, token: str) -> None:
    narrator.step(
        "Anyone can verify a token with the published keys",
        "Here with Python's pow() and hashlib alone.",
    )
    keys = narrator.call("GET", f"{service.url}/.well-known/jwks.json").json.get("keys", [])
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(decode(part)) for part in signed.split("."))
    narrator.show("The token's header", header)
    narrator.show("The token's claims", claims)
    key = next(each for each in keys if each["kid"] == header["kid"])
    verified = is_signed(signed, decode(signature), key)
    narrator.check("the signature is right", passed=verified)
    forged = is_signed(f"{signed}x", decode(signature), key)
    narrator.check("and wrong for one byte more", passed=not forged)
    is_public = all(set(each) <= {"kty", "kid", "use", "alg", "crv", "x", "y"} for each in keys)
    narrator.check("the key set has public members only", passed=is_public)


def _end_auth_tokens(service: Service, narrator: Narrator, cast: Cast, *, auth_token: str) -> str:
    narrator.step("A client ends its own tokens")
    url = f"{service.url}/auth_token"
    ended = narrator.call("DELETE", url, user=cast.client_pair)
    narrator.check("200", passed=ended.status == OK and ended.json == {"success": True})
    refused = _call(narrator, service, "/api/whoami", auth_token)
    narrator.check("its token is dead at once", passed=_is_invalid(refused))
    answer = narrator.call("POST", url, user=cast.client_pair)
    token = str(answer.json.get("access_token", {}).get("token"))
    narrator.check("the next one is another", passed=token != auth_token)
    works = _call(narrator, service, "/api/whoami", token)
    narrator.check("and works", passed=works.status == OK)
    return token


def _is_invalid(answer: Answer) -> bool:
    challenge = answer.headers.get("WWW-Authenticate", "")
    return (
        answer.status == UNAUTHORIZED
        and "Bearer realm" in challenge
        and (answer.json.get("error") == "invalid_token")
    )


def _rotate(service: Service, narrator: Narrator, cast: Cast) -> str:
    narrator.step("Rotation with an overlap: old and new secret both work")
    rotated = command(
        service, narrator, "rotate_credential", cast.key["identifier"], "--overlap", "1h"
    )
    newer = _exchange(narrator, service, rotated["key"])
    narrator.check("the new key works", passed=newer.status == OK)
    older = _exchange(narrator, service, cast.key["key"])
    narrator.check("the old key works on, for an hour", passed=older.status == OK)
    narrator.check(
        "and its use is in the log, for the operator",
        passed=_show_log(service, narrator, "credential.previous_secret_used"),
    )
    return str(rotated["key"])


def _show_log(service: Service, narrator: Narrator, event: str) -> bool:
    lines = [line for line in service.log_lines() if event in line]
    if lines:
        narrator.show("The log", lines[-1])
    return bool(lines)


def _revoke(
    service: Service, narrator: Narrator, cast: Cast, *, newer_key: str, access_token: str
) -> None:
    narrator.step("Revocation ends a credential and its tokens, for good")
    reason = ("--reason", "The laptop was lost.")
    command(service, narrator, "revoke_credential", cast.key["identifier"], *reason)
    revoked = [_exchange(narrator, service, key) for key in (newer_key, cast.key["key"])]
    is_refused = all(_is_refused_client(each) for each in revoked)
    narrator.check("neither the new nor the old key is exchanged", passed=is_refused)
    # The command is another process: this one may remember for REVOCATION_MAX_AGE what it knew.
    time.sleep(1)
    dead = _call(narrator, service, "/api/whoami", access_token)
    narrator.check("a token minted before is dead within a second", passed=_is_invalid(dead))
    unknown = _exchange(narrator, service, service.draw_key())
    same = unknown.status == revoked[0].status and unknown.body == revoked[0].body
    narrator.check("a key that never was gets the very same answer", passed=same)
    reasons = ("credential_revoked", "unknown")
    is_logged = [
        _show_log(service, narrator, f"exchange.refused reason={reason!r}") for reason in reasons
    ]
    narrator.check("why each was refused is in the log alone", passed=all(is_logged))


def _is_refused_client(answer: Answer) -> bool:
    return answer.status == UNAUTHORIZED and answer.json.get("error") == "invalid_client"


def _purge(service: Service, narrator: Narrator, cast: Cast, *, auth_token: str) -> None:
    narrator.step(
        "Purge deletes what has expired",
        "Three tokens that live for one second each, and a service that keeps none after.",
    )
    key = cast.stranger["key"]
    token = [_exchange(narrator, service, key, expires_in=1).json for _ in range(3)][-1]
    answer = _wait_for_expiry(service, str(token.get("access_token")))
    expired = _call(narrator, service, "/api/whoami", str(token.get("access_token")))
    is_told = expired.json.get("error_description") == "The auth token provided has expired."
    narrator.check("an expired token is refused, and told so", passed=is_told and answer)
    purged = command(service, narrator, "purge_expired_tokens")
    narrator.check("they are deleted", passed=purged.get("deleted", 0) >= 3)  # noqa: PLR2004
    again = command(service, narrator, "purge_expired_tokens")
    narrator.check("and only once", passed=again.get("deleted") == 0)
    alive = _call(narrator, service, "/api/whoami", auth_token)
    narrator.check("a token that is alive stays so", passed=alive.status == OK)


def _wait_for_expiry(service: Service, token: str) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    headers = {"Authorization": f"Bearer {token}"}
    while time.monotonic() < deadline:
        if send("GET", f"{service.url}/api/whoami", headers=headers).status == UNAUTHORIZED:
            return True
        time.sleep(0.2)
    return False


def _visit_the_desk(service: Service, narrator: Narrator, cast: Cast) -> None:
    narrator.step("The operator's desk, and the page of the API")
    url = f"{service.url}/admin/login/?next=/admin/"
    cookies = send("GET", url, headers={}).cookies
    form = {"username": cast.admin, "password": cast.password}
    headers = {
        "Cookie": f"csrftoken={cookies.get('csrftoken')}",
        "X-CSRFToken": str(cookies.get("csrftoken")),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    signed_in = send("POST", url, headers=headers, body=urllib.parse.urlencode(form))
    narrator.check("the admin lets its user in", passed=signed_in.status == FOUND)
    for path in ("/static/admin/css/base.css", "/api/docs", "/api/schema"):
        answer = send("GET", f"{service.url}{path}", headers={})
        narrator.check(f"GET {path}", passed=answer.status == OK)
