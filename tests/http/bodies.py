"""Request bodies in every encoding that clients use."""

from __future__ import annotations

from typing import Any

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BOUNDARY = "multipart/form-data; boundary=BOUNDARY"


def send(client: Any, caller: Any, body: str | bytes, content_type: str | None) -> Any:
    """Post the bytes. ``None`` as the content type sends no Content-Type."""
    extra = {} if content_type is not None else {"CONTENT_TYPE": ""}
    return client.generic(
        "POST", caller.path, body, content_type or "", headers=caller.headers, **extra
    )


def multipart(
    name: str = "scope", value: str = "a", disposition: str = "form-data", extra: str = ""
) -> str:
    head = f'--BOUNDARY\r\nContent-Disposition: {disposition}; name="{name}"{extra}\r\n\r\n'
    return f"{head}{value}\r\n--BOUNDARY--\r\n"
