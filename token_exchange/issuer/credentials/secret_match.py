"""Which of a credential's secrets a digest matches, if any."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from token_exchange.issuer.credentials.lookup import StoredCredential
from token_exchange.models import Credential
from token_exchange_core.secret_strings import NO_DIGEST, same_digest


class SecretMatch(Enum):
    """The secret that a digest matches."""

    CURRENT = auto()
    PREVIOUS = auto()
    """From before the last rotation, during the overlap."""
    PREVIOUS_EXPIRED = auto()
    """From before the last rotation, after the overlap."""


def match_secret(
    row: StoredCredential | Credential | None, digest: str, *, now: datetime
) -> SecretMatch | None:
    """Return the secret of the row that has this digest, or ``None``.

    Makes both comparisons whatever the row is, also without one, so that the time it takes doesn't
    show whether the credential exists.
    """
    is_current = same_digest(row.secret_digest if row else NO_DIGEST, digest)
    is_previous = same_digest((row.previous_secret_digest if row else None) or NO_DIGEST, digest)
    if row is None or not (is_current or is_previous):
        return None
    if is_current:
        return SecretMatch.CURRENT
    expires_at = row.previous_secret_expires_at
    is_live = expires_at is not None and expires_at > now
    return SecretMatch.PREVIOUS if is_live else SecretMatch.PREVIOUS_EXPIRED
