"""Parsing the parameters of queries and bodies.

Parameters that are absent or empty are ``None`` (RFC 6749, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from token_exchange_core.errors import InvalidRequest
from token_exchange_core.scopes import parse_scope

Members: TypeAlias = Mapping[str, Any]

_MAX_STRINGS: Final = 20
_MAX_PARAMETERS: Final = 20
_MAX_DIGITS: Final = 10
_BOOLEANS: Final[Mapping[Any, bool]] = {"true": True, "false": False}


def read_query(request: HttpRequest) -> dict[str, list[str]]:
    """Return the values of the query string by name; raises ``InvalidRequest``."""
    try:
        # Not request.GET, whose encoding depends on the Content-Type.
        return parse_qs(
            request.META.get("QUERY_STRING", ""),
            keep_blank_values=True,
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidRequest("Too many query parameters.", reason="malformed_query") from error


def read_scope(members: Members) -> frozenset[str] | None:
    """Return the scopes; raises ``InvalidRequest`` or ``InvalidScope``."""
    value = members.get("scope")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidRequest("The parameter scope must be a string.", reason="malformed_scope")
    return parse_scope(value) or None


def read_audience(members: Members) -> tuple[str, ...] | None:
    """Return the audiences without duplicates; raises ``InvalidRequest``."""
    return read_strings(members, "audience")


def read_strings(members: Members, name: str) -> tuple[str, ...] | None:
    """Return a string or a list of strings, without duplicates; raises ``InvalidRequest``."""
    value = members.get(name)
    if value in (None, "", []):
        return None
    values = [value] if isinstance(value, str) else value
    if (
        not isinstance(values, list)
        or len(values) > _MAX_STRINGS
        or not all(isinstance(each, str) and each for each in values)
    ):
        raise InvalidRequest(
            f"The parameter {name} must be a string or a list of strings.",
            reason=f"malformed_{name}",
        )
    return tuple(dict.fromkeys(values))


def read_seconds(members: Members, name: str, *, minimum: int = 1) -> int | None:
    """Return a duration in whole seconds; raises ``InvalidRequest``."""
    value = members.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _MAX_DIGITS:
        value = int(value)
    if type(value) is not int or value < minimum:
        raise InvalidRequest(
            f"The parameter {name} must be a whole number of seconds, at least {minimum}.",
            reason=f"malformed_{name}",
        )
    return value


def read_text(members: Members, name: str) -> str | None:
    """Return a string without surrounding white space; raises ``InvalidRequest``."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequest(f"The parameter {name} must be a string.", reason=f"malformed_{name}")
    return value.strip() or None


def read_time(members: Members, name: str) -> datetime | None:
    """Return a time in UTC from the format of RFC 3339; raises ``InvalidRequest``."""
    value = members.get(name)
    if value is None or value == "":
        return None
    try:
        parsed = parse_datetime(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or out of range in UTC
        pass
    raise InvalidRequest(
        f"The parameter {name} must be a time with a time zone, such as 2030-01-31T12:00:00Z.",
        reason=f"malformed_{name}",
    )


def read_boolean(members: Members, name: str) -> bool:
    """Return a boolean, ``False`` by default; raises ``InvalidRequest``."""
    value = members.get(name)
    if value is None or value == "":
        return False
    boolean = value if isinstance(value, bool) else _BOOLEANS.get(str(value))
    if boolean is None:
        raise InvalidRequest(
            f"The parameter {name} must be true or false.", reason=f"malformed_{name}"
        )
    return boolean
