"""Is this bearer token of another service good, and has it been revoked there?

For a service that has none of our tables, whatever its framework: the keys and the revocations come
from the issuer over HTTP.
"""

from __future__ import annotations

from typing import Final

from token_exchange_core.remote.jwks import RemoteKeys
from token_exchange_core.remote.revocation_feed import RemoteRevocations
from token_exchange_core.verification import DEFAULT_CACHE_SIZE, TokenVerifier

__all__ = ["RemoteKeys", "RemoteRevocations", "remote_verifier"]

MAX_LEEWAY_SECONDS: Final = 60
"""What the clocks of the issuer and of this service may differ by, and no token is let off more."""


def remote_verifier(
    *,
    issuer: str,
    audience: str,
    revocations_api_key: str,
    jwks_url: str | None = None,
    revocations_url: str | None = None,
    max_age_seconds: float = 1,
    max_staleness_seconds: float = 60,
    timeout_seconds: float = 2,
    leeway_seconds: int = 0,
    cache_size: int = DEFAULT_CACHE_SIZE,
) -> TokenVerifier:
    """Return a verifier of the tokens that ``issuer`` makes for ``audience``; make one a process.

    Nothing is asked of the issuer until the first token is verified. The API key is one of the
    issuer's with the scope ``token_exchange:revocations``. A revocation takes effect here within
    ``max_age_seconds``, while the issuer is away within ``max_staleness_seconds``; after that
    ``verify`` raises ``TemporarilyUnavailable``. It waits for the issuer no longer than
    ``timeout_seconds``, in which it blocks its thread: in an event loop call it by
    ``asyncio.to_thread`` or the framework's like. Raises ``ValueError`` for a URL or a key that
    is none.
    """
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError(f"leeway_seconds must be from 0 to {MAX_LEEWAY_SECONDS}")
    base = issuer.rstrip("/")
    revocations = RemoteRevocations(
        revocations_url or f"{base}/v1/revocations",
        raw_api_key=revocations_api_key,
        max_age_seconds=max_age_seconds,
        max_staleness_seconds=max_staleness_seconds,
        timeout_seconds=timeout_seconds,
    )
    keys = RemoteKeys(
        jwks_url or f"{base}/.well-known/jwks.json",
        timeout_seconds=timeout_seconds,
        # Both at once, or one that is slow would be waited for after the other.
        before_waiting=revocations.ask_if_old,
    )
    return TokenVerifier(
        keys=keys,
        revocations=revocations,
        issuer=issuer,
        audience=audience,
        leeway_seconds=leeway_seconds,
        cache_size=cache_size,
    )
