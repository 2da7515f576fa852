"""Reading request bodies: JSON with any Content-Type or none, a form, or nothing."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError

from token_exchange_core import strict_json
from token_exchange_core.errors import InvalidRequest

MAX_BODY_BYTES: Final = 65_536
_MAX_DIGITS: Final = 20
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def read_members(
    request: HttpRequest, *, repeatable: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the members of the body; a form's ``repeatable`` ones are lists of strings.

    Raises ``InvalidRequest`` if the body is too large, is neither a JSON object nor a form, or
    repeats a member.
    """
    try:
        body = _read_body(request)
    except RawPostDataException:  # a middleware has read the body, perhaps as a form
        if request.content_type in _FORMS:
            return _form_members(request, repeatable)
        raise
    if not body.strip():
        return {}
    # curl labels JSON as a form by default.
    if request.content_type in _FORMS and not body.lstrip().startswith(b"{"):
        return _form_members(request, repeatable)
    return _json_members(body)


def read_json(request: HttpRequest) -> Any:
    """Return the parsed JSON of the body, with any Content-Type.

    Raises ``InvalidRequest`` if the body is too large or not JSON.
    """
    try:
        body = _read_body(request)
    except RawPostDataException as error:  # a middleware has read the body, perhaps as a form
        if request.content_type in _FORMS:
            raise InvalidRequest("The body must be JSON.", reason="malformed_json") from error
        raise
    try:
        return _loads(body)
    except ValueError as error:
        raise InvalidRequest("The body must be JSON.", reason="malformed_json") from error


def _read_body(request: HttpRequest) -> bytes:
    try:
        body = _body_bytes(request)
    except RequestDataTooBig:
        body = None
    # Django 5.2 raises ValueError for a Content-Length that is not a number.
    except (UnreadablePostError, ValueError) as error:
        raise InvalidRequest("The body could not be read.", reason="body_unreadable") from error
    if body is None or len(body) > MAX_BODY_BYTES:
        raise InvalidRequest("The body is too large.", reason="body_too_large")
    if not body and "HTTP_TRANSFER_ENCODING" in request.META:
        # WSGI shows no body without its length: what it asks for would be silently ignored.
        raise InvalidRequest(
            "Send the body with a Content-Length header.", reason="body_without_length"
        )
    return body


def _body_bytes(request: HttpRequest) -> bytes | None:
    if request.META.get("CONTENT_LENGTH") == "0":
        return b""  # a shortcut for most exchanges: reading an empty body is slow in Django
    return request.body if _declared_length(request) <= MAX_BODY_BYTES else None


def _declared_length(request: HttpRequest) -> int:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    return (
        int(declared)
        if declared.isascii() and declared.isdigit() and len(declared) < _MAX_DIGITS
        else 0
    )


def _form_members(request: HttpRequest, repeatable: frozenset[str]) -> dict[str, Any]:
    try:
        parameters = list(request.POST.lists())
    # A charset such as hex, which does not decode to text, raises LookupError or ValueError.
    except (
        BadRequest,
        SuspiciousOperation,
        MultiPartParserError,
        LookupError,
        ValueError,
    ) as error:
        raise InvalidRequest("The form is malformed.", reason="malformed_form") from error
    if any(len(values) > 1 and name not in repeatable for name, values in parameters):
        raise InvalidRequest("A parameter is repeated.", reason="repeated_parameter")
    return {
        # Empty values count as absent (RFC 6749, section 3.2).
        name: [each for each in values if each] if name in repeatable else values[0]
        for name, values in parameters
    }


def _loads(body: bytes) -> Any:
    # From bytes, json would accept other encodings and surrogates (RFC 8259, section 8.1).
    return strict_json.loads(body.decode("utf-8-sig"))


def _json_members(body: bytes) -> dict[str, Any]:
    try:
        members = _loads(body)
    except ValueError as error:
        raise InvalidRequest(
            "The body must be a JSON object or a form.", reason="malformed_json"
        ) from error
    if not isinstance(members, dict):
        raise InvalidRequest("The body must be a JSON object or a form.", reason="malformed_json")
    return members
