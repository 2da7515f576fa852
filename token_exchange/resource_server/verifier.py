"""Verification of another service's tokens, as configured by the project's settings.

For services without our tables: ``MODE`` is "resource-server", and the app is not installed.
"""

from __future__ import annotations

from token_exchange.conf import get_settings
from token_exchange_core import process_state
from token_exchange_core.remote import remote_verifier
from token_exchange_core.secret_text import SecretText
from token_exchange_core.verification import TokenVerifier, VerifiedToken


def verify_access_token(token: str | SecretText, *, now: float) -> VerifiedToken:
    """Verify an access token of the issuer; its owner is unknown here.

    ``now`` is in seconds since the epoch. Raises ``InvalidToken``, or ``ExpiredToken`` if only the
    expiry is wrong, and ``TemporarilyUnavailable`` if the issuer has been unavailable too long.
    """
    token = SecretText.of(token)
    return VerifiedToken(claims=_verifier().verify(token, now=now))


def check_sources() -> None:
    """Raise ``TemporarilyUnavailable`` if no token can be verified now; for a readiness probe."""
    _verifier().check_sources()


@process_state.cached
def _verifier() -> TokenVerifier:
    settings = get_settings()
    return remote_verifier(
        issuer=settings.issuer,
        audience=settings.audience,
        revocations_api_key=settings.revocations_api_key or "",
        jwks_url=settings.jwks_url,
        revocations_url=settings.revocations_url,
        max_age_seconds=settings.revocation_max_age.total_seconds(),
        max_staleness_seconds=settings.revocation_max_staleness.total_seconds(),
        timeout_seconds=settings.remote_timeout.total_seconds(),
        cache_size=settings.verified_token_cache_size,
        require_https=bool(settings.require_https),
        use_environment_proxy=settings.use_environment_proxy,
    )
