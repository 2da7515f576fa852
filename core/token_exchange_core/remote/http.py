"""GET requests for JSON to another service, limited in time and size."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from token_exchange_core import __version__
from token_exchange_core.networks import is_confidential
from token_exchange_core.secret_text import SecretText

_MEDIA_TYPES: Final = ("application/json", "application/jwk-set+json")
_BROKEN_CONNECTION: Final = (httpx.NetworkError, httpx.RemoteProtocolError)


class RemoteFault(Exception):
    """There is no response, or none that can be used.

    ``reason`` is a stable word for the log, and never text from the other service.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A valid response."""

    body: bytes | None
    """``None`` if nothing has changed since the ETag that was sent (RFC 9110, section 15.4.5)."""
    etag: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How another service is reached."""

    require_https: bool = True
    """Whether plain http is refused, except to this machine itself."""
    use_environment_proxy: bool = False
    """Whether HTTPS_PROXY and its like are followed; a proxy sees where requests go."""


SAFE: Final = Transport()


class Resource:
    """One URL of another service that returns JSON.

    The credential is sent to this URL only, because a redirect is a fault; it appears in no
    ``repr``, text or log. Only one thread at a time may use an object; after a fork, call
    ``discard_connections`` first.
    """

    def __init__(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
        authorization: str | SecretText | None = None,
        transport: Transport = SAFE,
    ) -> None:
        """Set the limits of each response; raises ``ValueError`` for an invalid URL or header.

        The timeout applies to each step of a request, such as connecting or waiting for bytes.
        """
        _check_url(url, transport)
        authorization = SecretText.of(authorization or "")
        if not (authorization.text.isascii() and authorization.text.isprintable()):
            raise ValueError("the credential has characters that no header may have")
        self.url = url
        self._transport = transport
        self._max_bytes = max_bytes
        self._timeout = httpx.Timeout(timeout_seconds)
        self._headers = {
            "Accept": ", ".join(_MEDIA_TYPES),
            # Compressed content could be a thousand times as large as what was counted.
            "Accept-Encoding": "identity",
            "User-Agent": f"django-token-exchange/{__version__}",
        }
        if authorization.text:
            self._headers["Authorization"] = authorization.text
        self._client: httpx.Client | None = None

    def get(
        self, *, deadline: float, etag: str | None, query: Mapping[str, str | int] | None = None
    ) -> Answer:
        """Send a request; raises ``RemoteFault``.

        ``deadline`` is the time of the monotonic clock at which to stop, however steadily bytes
        arrive. ``etag`` is that of the last response.
        """
        headers = {} if etag is None else {"If-None-Match": etag}
        try:
            try:
                return self._get(headers, query, deadline)
            except _BROKEN_CONNECTION:
                # The server may close a kept-alive connection at any time: try once more.
                return self._get(headers, query, deadline)
        except httpx.TimeoutException:
            raise RemoteFault("timeout") from None
        except httpx.HTTPError:
            raise RemoteFault("connection") from None

    def _get(
        self, headers: dict[str, str], query: Mapping[str, str | int] | None, deadline: float
    ) -> Answer:
        # Do not retry if the connection was closed because the deadline had passed.
        _check_deadline(deadline)
        if self._client is None:
            self._client = self._connect()
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

    def _connect(self) -> httpx.Client:
        return httpx.Client(
            # Here and not with each request: error reporters show the variables of frames.
            headers=self._headers,
            timeout=self._timeout,
            follow_redirects=False,
            trust_env=self._transport.use_environment_proxy,
            # Without trust_env, httpx would ignore SSL_CERT_FILE as well.
            verify=httpx.create_ssl_context(),
        )

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise RemoteFault("too_large")
            _check_deadline(deadline)
        return bytes(body)

    def discard_connections(self) -> None:
        """Leave the connections to the parent process without closing them."""
        self._client = None

    def hang_up(self) -> None:
        """Close the connections, so that a thread that is waiting for a response stops."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _check_url(url: str, transport: Transport) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        # The error quotes the URL, and with it a password that contains a slash.
        raise ValueError("that is not a URL") from None
    if parsed.scheme not in {"http", "https"} or parsed.userinfo:
        raise ValueError("the URL must start with https:// (or http://) and name no user")
    if transport.require_https and not is_confidential(url):
        raise ValueError("the URL must start with https://, unless require_https is off")


def _check_deadline(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise RemoteFault("timeout")


def _check(response: httpx.Response) -> None:
    """Raise ``RemoteFault`` unless the response is JSON, not encoded."""
    if response.has_redirect_location:
        raise RemoteFault("redirect")
    if response.status_code != HTTPStatus.OK:
        raise RemoteFault(f"http_{response.status_code}")
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_packed = response.headers.get("Content-Encoding", "identity") != "identity"
    if media_type not in _MEDIA_TYPES or is_packed:
        raise RemoteFault("not_json")


def _etag(response: httpx.Response) -> str | None:
    """Return the response's ETag, if it can be sent back."""
    etag = response.headers.get("ETag")
    return etag if etag and etag.isascii() and etag.isprintable() else None
