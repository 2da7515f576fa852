"""``/v1/user-api-keys``: users manage the API keys that act as them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from token_exchange.conf.parsers import LONGEST_DURATION
from token_exchange.issuer import self_service
from token_exchange.issuer.credentials import EndedDescendants, IssuedSecret
from token_exchange.issuer.credentials.representation import TIMES, public_fields
from token_exchange.issuer.self_service import Caller, KeyRequest
from token_exchange.models import Credential
from token_exchange.views.endpoint import endpoint, token_response
from token_exchange.views.rate_limits import Usage, count_success
from token_exchange.views.request_body import read_members
from token_exchange.views.request_parameters import (
    read_audience,
    read_boolean,
    read_query,
    read_scope,
    read_seconds,
    read_strings,
    read_text,
    read_time,
)
from token_exchange.views.user_authentication import authenticate_user
from token_exchange_core.challenges import BEARER_CHALLENGE
from token_exchange_core.errors import InvalidRequest

_REPEATABLE: Final = frozenset({"audience", "allowed_networks"})


@endpoint("GET", "HEAD", "POST", challenge=BEARER_CHALLENGE)
def user_api_keys(request: HttpRequest) -> HttpResponse:
    """List the caller's keys, newest first, or create one."""
    now = timezone.now()
    caller, usage = _authenticate(request)
    if request.method == "POST":
        requested = _key_request(read_members(request, repeatable=_REPEATABLE), now=now)
        issued = self_service.create(caller, requested, now=now)
        # The status of a client registration (RFC 7591, section 3.2.1).
        return _secret_response(issued, usage, now=now, status=201)
    page = self_service.keys_of(caller, after=_after(request))
    more = {} if page.next is None else {"next": page.next}
    keys = [describe(each, now=now) for each in page.keys]
    return token_response({"api_keys": keys, **more}, usage)


@endpoint("DELETE", challenge=BEARER_CHALLENGE)
def user_api_key(request: HttpRequest, *, identifier: str) -> HttpResponse:
    """Revoke one of the caller's keys."""
    caller, usage = _authenticate(request)
    ended = self_service.revoke(caller, identifier, now=timezone.now())
    return token_response({"success": True, **_ended(ended)}, usage)


@endpoint("POST", challenge=BEARER_CHALLENGE)
def rotate_user_api_key(request: HttpRequest, *, identifier: str) -> HttpResponse:
    """Rotate the secret of one of the caller's keys."""
    now = timezone.now()
    caller, usage = _authenticate(request)
    rotation = _rotation(read_members(request))
    issued, ended = self_service.rotate(caller, identifier, now=now, **rotation)
    return _secret_response(issued, usage, now=now, more=_ended(ended))


def describe(key: Credential, *, now: datetime) -> dict[str, Any]:
    """Return the key as users see it. Absent times are left out, not null."""
    fields = public_fields(key, now=now)
    times = {name: fields[name] for name in TIMES}
    return {
        "id": fields["identifier"],
        "label": fields["name"],
        "organization": str(key.organization_id),
        "state": fields["state"],
        "scope": " ".join(fields["scopes"]),
        "audience": fields["audience"],
        "allowed_networks": fields["allowed_networks"],
        **{name: _rfc3339(time) for name, time in times.items() if time is not None},
        **({"last_used_from": key.last_used_from} if key.last_used_from else {}),
    }


def _secret_response(
    issued: IssuedSecret,
    usage: Usage | None,
    *,
    now: datetime,
    status: int = 200,
    more: Mapping[str, list[str]] = MappingProxyType({}),
) -> HttpResponse:
    body = {**describe(issued.credential, now=now), "api_key": issued.stand_in, **more}
    response = token_response(body, usage, status=status)
    response.content = issued.reveal(response.text)
    return response


def _ended(ended: EndedDescendants) -> dict[str, list[str]]:
    """Return the keys that were ended as well, without the new secrets of those rotated.

    The caller's token may have created or rotated them itself. Rotate them to get a secret.
    """
    also = {
        "also_revoked": [each.identifier for each in ended.revoked],
        "also_rotated": [each.credential.identifier for each in ended.rotated],
    }
    return {name: identifiers for name, identifiers in also.items() if identifiers}


def _authenticate(request: HttpRequest) -> tuple[Caller, Usage | None]:
    caller = authenticate_user(request)
    identifier = f"user:{caller.user.pk}"
    return caller, count_success(request, name="self_service", identifier=identifier)


def _after(request: HttpRequest) -> str | None:
    values = read_query(request).get("after", [None])
    if len(values) > 1:
        raise InvalidRequest("A parameter is repeated.", reason="repeated_parameter")
    return values[0]


def _key_request(members: dict[str, Any], *, now: datetime) -> KeyRequest:
    return KeyRequest(
        label=read_text(members, "label"),
        scopes=read_scope(members),
        audience=read_audience(members),
        allowed_networks=read_strings(members, "allowed_networks"),
        expires_at=_expires_at(members, now=now),
    )


def _rotation(members: dict[str, Any]) -> dict[str, Any]:
    overlap = read_seconds(members, "overlap", minimum=0)
    return {
        "overlap": None if overlap is None else _duration(overlap),
        "compromised": read_boolean(members, "compromised"),
    }


def _expires_at(members: dict[str, Any], *, now: datetime) -> datetime | None:
    seconds, time = read_seconds(members, "expires_in"), read_time(members, "expires_at")
    if seconds is None:
        return time
    if time is not None:
        raise InvalidRequest(
            "Send either expires_in or expires_at, not both.", reason="two_expiries"
        )
    return now + _duration(seconds)


def _rfc3339(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}Z"


def _duration(seconds: int) -> timedelta:
    # Compared before it is converted, because timedelta overflows.
    longest = LONGEST_DURATION.total_seconds()
    return timedelta(seconds=min(seconds, longest))
