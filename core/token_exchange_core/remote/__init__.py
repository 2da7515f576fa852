"""Verification of another service's tokens, with its keys and revocations fetched over HTTP.

For services of any framework that do not have our tables.
"""

from __future__ import annotations

from typing import Final

from token_exchange_core.remote.http import Transport
from token_exchange_core.remote.jwks import RemoteKeys
from token_exchange_core.remote.revocation_feed import RemoteRevocations
from token_exchange_core.secret_text import SecretText
from token_exchange_core.verification import DEFAULT_CACHE_SIZE, TokenVerifier

__all__ = ["RemoteKeys", "RemoteRevocations", "remote_verifier"]

MAX_LEEWAY_SECONDS: Final = 60
"""The largest difference allowed between the clocks of the issuer and of this service."""


def remote_verifier(
    *,
    issuer: str,
    audience: str,
    revocations_api_key: str | SecretText,
    jwks_url: str | None = None,
    revocations_url: str | None = None,
    max_age_seconds: float = 1,
    max_staleness_seconds: float = 60,
    timeout_seconds: float = 2,
    leeway_seconds: int = 0,
    cache_size: int = DEFAULT_CACHE_SIZE,
    require_https: bool = True,
    use_environment_proxy: bool = False,
) -> TokenVerifier:
    """Return a verifier of the tokens that ``issuer`` issues for ``audience``.

    Create one per process. The issuer is contacted when the first token is verified, with an API
    key of the issuer that has the scope ``token_exchange:revocations``. A revocation takes effect
    here within ``max_age_seconds``, or within ``max_staleness_seconds`` while the issuer is
    unavailable; after that ``verify`` raises ``TemporarilyUnavailable``. ``verify`` blocks its
    thread for ``timeout_seconds`` at most: in an event loop, call it with ``asyncio.to_thread``.
    Plain http is refused unless ``require_https`` is off or the issuer is on this machine, and
    HTTPS_PROXY and its like are ignored unless ``use_environment_proxy`` is on. Raises
    ``ValueError`` for an invalid URL or key.
    """
    revocations_api_key = SecretText.of(revocations_api_key)
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError(f"leeway_seconds must be from 0 to {MAX_LEEWAY_SECONDS}")
    transport = Transport(require_https=require_https, use_environment_proxy=use_environment_proxy)
    revocations = RemoteRevocations(
        revocations_url or f"{issuer.rstrip('/')}/v1/revocations",
        raw_api_key=revocations_api_key,
        max_age_seconds=max_age_seconds,
        max_staleness_seconds=max_staleness_seconds,
        timeout_seconds=timeout_seconds,
        transport=transport,
    )
    keys = RemoteKeys(
        jwks_url or f"{issuer.rstrip('/')}/.well-known/jwks.json",
        timeout_seconds=timeout_seconds,
        transport=transport,
        # Both requests run at the same time, so that their waiting times do not add up.
        before_waiting=revocations.start_refresh_if_old,
    )
    return TokenVerifier(
        keys=keys,
        revocations=revocations,
        issuer=issuer,
        audience=audience,
        leeway_seconds=leeway_seconds,
        cache_size=cache_size,
    )
