"""Requests without a network, through Django's WSGI handler.

As with a server, the signals of a request are sent, its url is resolved and the response is closed.
The environ is created before the clock starts.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

Step = Callable[[], bytes]
"""Does once what is measured, and returns the body of a good answer."""


class UnexpectedAnswer(Exception):
    """A subject did not do its work, so its figure would mean nothing."""


@cache
def application() -> WSGIHandler:
    """Return the handler of this process's project."""
    return WSGIHandler()


def request(
    method: str,
    path: str,
    *,
    authorization: str | None = None,
    body: bytes = b"",
    content_type: str = "",
) -> Step:
    """Prepare one request over https."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "issuer.test",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "issuer.test",
        "HTTP_ACCEPT": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    return partial(_send, environ)


def wire(step: Any) -> str:
    """Return a prepared request, which has no body, as a client sends it."""
    environ = step.args[0]
    return "\r\n".join(
        [
            f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} HTTP/1.1",
            f"Host: {environ['HTTP_HOST']}",
            f"Accept: {environ['HTTP_ACCEPT']}",
            f"Authorization: {environ['HTTP_AUTHORIZATION']}",
            "Content-Length: 0",
            "Connection: close",
            "\r\n",
        ]
    )


def _send(environ: dict[str, Any]) -> bytes:
    statuses: list[str] = []

    def start_response(status: str, _headers: Any, _exc_info: Any = None) -> None:
        statuses.append(status)

    response = application()(environ, start_response)
    body = b"".join(response)
    response.close()
    if not statuses[0].startswith("200"):
        raise UnexpectedAnswer(f"{environ['PATH_INFO']}: {statuses[0]} {body[:500]!r}")
    return body
