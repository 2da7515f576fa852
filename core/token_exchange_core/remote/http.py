"""What does another service answer to one GET, within bounds of time and size?"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from token_exchange_core import __version__

_MEDIA_TYPES: Final = ("application/json", "application/jwk-set+json")
_BROKEN_CONNECTION: Final = (httpx.NetworkError, httpx.RemoteProtocolError)


class RemoteFault(Exception):
    """Say that there is no answer, or none that can be used.

    ``reason`` is a stable word for the log, and nothing that the other side has said.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer."""

    body: bytes | None
    """``None``: what has the ETag that was sent is still so (RFC 9110, section 15.4.5)."""
    etag: str | None
    headers: Mapping[str, str]


class Resource:
    """One URL of another service, asked for JSON.

    The credential goes to this URL and no other, because a redirect is a fault; it appears in no
    ``repr``, text or log. May be used by one thread at a time, and after a fork once it has been
    told to ``forget_connections``.
    """

    def __init__(
        self, url: str, *, max_bytes: int, timeout_seconds: float, authorization: str | None = None
    ) -> None:
        """Take the bounds of each answer; raises ``ValueError`` for a URL or header that is none.

        The timeout is for each step of a request, such as to connect or to wait for bytes.
        """
        parsed = _parse_url(url)
        if parsed.scheme not in {"http", "https"} or parsed.userinfo:
            raise ValueError("the URL must start with https:// (or http://) and name no user")
        if not (authorization or "").isascii() or not (authorization or "").isprintable():
            raise ValueError("the credential has characters that no header may have")
        self.url = url
        self._max_bytes = max_bytes
        self._timeout = httpx.Timeout(timeout_seconds)
        self._headers = {
            "Accept": ", ".join(_MEDIA_TYPES),
            # What is unpacked could be a thousand times what was counted.
            "Accept-Encoding": "identity",
            "User-Agent": f"django-token-exchange/{__version__}",
        }
        if authorization is not None:
            self._headers["Authorization"] = authorization
        self._client: httpx.Client | None = None

    def get(
        self, *, deadline: float, etag: str | None, query: Mapping[str, str | int] | None = None
    ) -> Answer:
        """Ask; raises ``RemoteFault``.

        ``deadline`` is a moment of the monotonic clock at which to stop reading, however steadily
        bytes come. ``etag`` is that of the answer which is still known.
        """
        headers = {**self._headers, **({} if etag is None else {"If-None-Match": etag})}
        try:
            try:
                return self._get(headers, query, deadline)
            except _BROKEN_CONNECTION:
                # One that was kept alive may be closed at any time, which says nothing.
                return self._get(headers, query, deadline)
        except httpx.TimeoutException:
            raise RemoteFault("timeout") from None
        except httpx.HTTPError:
            raise RemoteFault("connection") from None

    def _get(
        self, headers: dict[str, str], query: Mapping[str, str | int] | None, deadline: float
    ) -> Answer:
        # Not for the second time, when somebody hung up on the first because of this.
        _check_deadline(deadline)
        if self._client is None:
            self._client = httpx.Client(timeout=self._timeout, follow_redirects=False)
            weakref.finalize(self, self._client.close).atexit = False
        url = httpx.URL(self.url).copy_merge_params(query or {})
        with self._client.stream("GET", url, headers=headers) as response:
            is_unchanged = (
                response.status_code == HTTPStatus.NOT_MODIFIED and "If-None-Match" in headers
            )
            if not is_unchanged:
                _check(response)
            body = self._read(response, deadline)
        _check_deadline(deadline)
        if is_unchanged:
            return Answer(body=None, etag=headers["If-None-Match"], headers=response.headers)
        return Answer(body=body, etag=_etag(response), headers=response.headers)

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise RemoteFault("too_large")
            _check_deadline(deadline)
        return bytes(body)

    def forget_connections(self) -> None:
        """Leave the connections to whoever has them, and open others when next asked."""
        self._client = None

    def hang_up(self) -> None:
        """Close the connections, so that whoever still waits for an answer stops."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _parse_url(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        # It quotes what it cannot read, which is a password where that has a slash in it.
        raise ValueError("that is not a URL") from None


def _check_deadline(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise RemoteFault("timeout")


def _check(response: httpx.Response) -> None:
    """Raise ``RemoteFault`` unless the answer is one of JSON, as it is."""
    if response.has_redirect_location:
        raise RemoteFault("redirect")
    if response.status_code != HTTPStatus.OK:
        raise RemoteFault(f"http_{response.status_code}")
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_packed = response.headers.get("Content-Encoding", "identity") != "identity"
    if media_type not in _MEDIA_TYPES or is_packed:
        raise RemoteFault("not_json")


def _etag(response: httpx.Response) -> str | None:
    """Return the answer's ETag, if it is one that can be sent back."""
    etag = response.headers.get("ETag")
    return etag if etag and etag.isascii() and etag.isprintable() else None
