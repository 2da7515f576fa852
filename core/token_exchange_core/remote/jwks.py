"""The keys of another issuer, fetched from its JWK Set."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from token_exchange_core import strict_json
from token_exchange_core.event_log import log_event
from token_exchange_core.keys import KeySet, VerificationKey
from token_exchange_core.remote.background_refresh import BackgroundRefresh, Loaded
from token_exchange_core.remote.http import SAFE, RemoteFault, Resource, Transport

MAX_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 64
MIN_AGE_SECONDS: Final = 10.0
"""The shortest time between two requests, whatever Cache-Control allows."""
UNKNOWN_KID_PAUSE_SECONDS: Final = 60.0
"""The shortest time between two requests because of unknown key ids."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class RemoteKeys:
    """The published keys of another issuer; call the object to get them.

    They are fetched again when their Cache-Control requires it, after ``max_age_seconds`` at the
    latest, and when a token has an unknown key id, at most once a minute. While the issuer is
    unavailable, or publishes no usable key, the last keys are used for ``max_staleness_seconds``.
    """

    def __init__(
        self,
        url: str,
        *,
        max_age_seconds: float = 300,
        max_staleness_seconds: float = 86_400,
        timeout_seconds: float = 2,
        transport: Transport = SAFE,
        before_waiting: Callable[[], None] | None = None,
    ) -> None:
        """Set the URL of the JWK Set (RFC 7517); raises ``ValueError`` if it is not a safe URL.

        ``before_waiting`` is called before a caller waits for keys, to start other requests.
        """
        self._max_age_seconds = max_age_seconds
        self._resource = Resource(
            url, max_bytes=MAX_BYTES, timeout_seconds=timeout_seconds, transport=transport
        )
        self._etag: str | None = None
        self._keys: KeySet | None = None
        self._unusable: frozenset[str] = frozenset()
        self._refresh = BackgroundRefresh(
            self._load,
            resource=self._resource,
            timeout_seconds=timeout_seconds,
            max_staleness_seconds=max_staleness_seconds,
            unavailable_reason="remote_keys_away",
            before_waiting=before_waiting,
        )

    def __call__(self) -> KeySet:
        """Return the keys; raises ``TemporarilyUnavailable`` if there are none, or too old ones."""
        return self._refresh.get()

    def _fetch_unknown(self, kid: str) -> VerificationKey | None:
        keys = self._refresh.get_after_refresh(at_most_every_seconds=UNKNOWN_KID_PAUSE_SECONDS)
        return KeySet.verification_key(keys, kid)

    def _load(self, deadline: float) -> Loaded[KeySet]:
        asked_at = time.monotonic()
        answer = self._resource.get(deadline=deadline, etag=self._etag)
        if answer.body is None and self._keys is not None:
            keys = self._keys
        else:
            keys = _RemoteKeySet(
                self._usable(answer.body or b""), fetch_unknown=self._fetch_unknown
            )
        self._keys, self._etag = keys, answer.etag
        return Loaded(
            value=keys,
            asked_at=asked_at,
            as_of=asked_at,
            max_age_seconds=self._max_age(answer.headers),
        )

    def _max_age(self, headers: Mapping[str, str]) -> float:
        """Return how long the response is fresh (RFC 9111, section 5.2), within our limits."""
        parts = headers.get("Cache-Control", "").lower().split(",")
        directives = {
            name.strip(): value for name, _, value in (each.partition("=") for each in parts)
        }
        max_age = self._max_age_seconds
        if not directives.keys().isdisjoint({"no-cache", "no-store"}):
            max_age = 0
        elif _SECONDS.fullmatch(written := directives.get("max-age", "")):
            age = headers.get("Age", "")
            in_caches = int(age) if _SECONDS.fullmatch(age) else 0
            max_age = min(max_age, int(written) - in_caches)
        return max(max_age, min(MIN_AGE_SECONDS, self._max_age_seconds))

    def _usable(self, body: bytes) -> list[VerificationKey]:
        """Return the usable keys; the others are skipped, and logged once."""
        usable, unusable = [], {}
        for jwk in _parse(body):
            try:
                usable.append(_parse_key(jwk))
            except ValueError:
                unusable[repr(jwk)] = jwk
        for text in unusable.keys() - self._unusable:
            jwk = unusable[text]
            kid = jwk.get("kid") if isinstance(jwk, dict) else None
            log_event(
                logging.WARNING, "remote.key_unusable", url=self._resource.url, kid=str(kid)[:64]
            )
        self._unusable = frozenset(unusable)
        if not usable:
            raise RemoteFault("no_usable_key")
        return usable


class _RemoteKeySet(KeySet):
    """A key set that is fetched again when a key id is unknown."""

    def __init__(
        self,
        keys: Iterable[VerificationKey],
        *,
        fetch_unknown: Callable[[str], VerificationKey | None],
    ) -> None:
        super().__init__(keys)
        self._fetch_unknown = fetch_unknown

    def verification_key(self, kid: str) -> VerificationKey | None:
        return super().verification_key(kid) or self._fetch_unknown(kid)


def _parse(body: bytes) -> list[Any]:
    try:
        keys = strict_json.loads(body)["keys"]
    except (ValueError, LookupError, TypeError):
        raise RemoteFault("malformed") from None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise RemoteFault("malformed")
    return keys


def _parse_key(jwk: Any) -> VerificationKey:
    """Parse one key; raises ``ValueError`` if it is not a public verification key."""
    if not isinstance(jwk, dict) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("not a public JWK")
    operations = jwk.get("key_ops", ["verify"])
    is_to_verify = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not is_to_verify:
        raise ValueError("not a key to verify with")
    return VerificationKey.from_jwk(jwk)
