"""An issuer on loopback that sends the responses a test defines."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from token_exchange_core.keys import SigningKey
from token_exchange_core.revocation_feed import FeedPage

JWKS_PATH = "/.well-known/jwks.json"
FEED_PATH = "/v1/revocations"
WAIT_SECONDS = 10
"""More than anything here takes; only a failing test waits so long."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request, as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    connection: int
    """The port that it came from."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; what the headers leave out is as it should be, and an empty one is not sent."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, handler: Handler) -> None:
        handler.send_response(self.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        for name, value in {**headers, **self.headers}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body)


def hang(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.issuer.is_over.wait(WAIT_SECONDS)
    handler.close_connection = True


def drip_body(handler: Handler) -> None:
    """Send a body byte by byte, without end."""
    Reply(headers={"Content-Length": "1000000"})(handler)
    while not handler.issuer.is_over.wait(0.01):
        handler.wfile.write(b" ")


def drip_headers(handler: Handler) -> None:
    """Send headers byte by byte, without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.issuer.is_over.wait(0.01):
        handler.wfile.write(b"x")


def break_off(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    @property
    def issuer(self) -> Issuer:
        return self.server.issuer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        port = self.client_address[1]
        received = Received(path=parts.path, query=query, headers=headers, connection=port)
        self.issuer.answer_to(received)(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that hung up."""


class Issuer:
    """A server whose answers are told beforehand; the last one of a path is for ever."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.is_over = threading.Event()
        self.received: list[Received] = []
        self._replies: dict[str, list[Callable[[Handler], None]]] = {}
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        if tls is not None:
            self.url = f"https://localhost:{self._server.server_port}"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()

    def says(self, path: str, *replies: Callable[[Handler], None]) -> None:
        with self._lock:
            self._replies[path] = list(replies)

    def answer_to(self, received: Received) -> Callable[[Handler], None]:
        with self._lock:
            self.received.append(received)
            replies = self._replies.get(received.path, [Reply(status=404)])
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def asked(self, path: str) -> int:
        """Return how often it was asked."""
        return len([each for each in self.received if each.path == path])


def jwks(*keys: SigningKey, **headers: str) -> Reply:
    """Answer with these keys; the names of headers with underscores."""
    return jwk_set([dict(key.public.public_jwk) for key in keys], **headers)


def jwk_set(jwks: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body=json.dumps({"keys": jwks}).encode(), headers=named)


NOT_MODIFIED = Reply(status=304, headers={"Content-Type": "", "Content-Length": ""})


def page(*, etag: str = "", **members: Any) -> Reply:
    """Answer with a page of the feed, one that says nothing unless told otherwise."""
    values = {
        "epoch": "e1",
        "after": 0,
        "position": 0,
        "mark": "0.m",
        "as_of": 0,
        "has_more": False,
        "revocations": (),
        "inactive_organizations": frozenset(),
        "inactive_users": frozenset(),
        **members,
    }
    return Reply(body=FeedPage(**values).to_json(), headers={"ETag": etag})
