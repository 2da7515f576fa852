"""The claims of a token: written for a new one, compared before one is re-used."""

from __future__ import annotations

from datetime import datetime

from token_exchange.conf import get_settings
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.issuer.tokens import policy
from token_exchange.issuer.tokens.policy import TokenRequest
from token_exchange.models.access_token import JTI_LENGTH
from token_exchange_core.secret_strings import random_text
from token_exchange_core.tokens import Claims


def new_claims(
    credential: AuthenticatedCredential, requested: TokenRequest, *, now: datetime
) -> Claims:
    """Return the claims of a new token, with a new ``jti``.

    Raises ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest`` for more than the credential
    allows, ``InvalidClient`` in the last second before it expires.
    """
    issued_at = int(now.timestamp())
    return Claims(
        issuer=get_settings().issuer,
        subject=policy.subject(credential),
        audience=policy.audience(credential, requested.audience),
        client_id=credential.identifier,
        scopes=policy.scopes(credential, requested.scopes),
        issued_at=issued_at,
        expires_at=issued_at + policy.lifetime_seconds(credential, requested.expires_in, now=now),
        jti=random_text(JTI_LENGTH),
        organization_id=str(credential.organization_id),
        generation=credential.generation,
    )


def is_current(claims: Claims, credential: AuthenticatedCredential, *, now: datetime) -> bool:
    """Return whether a token has the claims that a new one would have, and lives no longer.

    The clock of the process that issued it may be ahead by ``CLOCK_SKEW``, and all times are cut
    to whole seconds.
    """
    issued_at = int(now.timestamp())
    ahead = max(0, claims.issued_at - issued_at)
    return (
        claims.issuer == get_settings().issuer
        and claims.subject == policy.subject(credential)
        and claims.organization_id == str(credential.organization_id)
        and claims.audience == policy.audience(credential, None)
        and claims.scopes == policy.scopes(credential, None)
        and ahead <= signing_keys.CLOCK_SKEW.total_seconds()
        and claims.expires_at - ahead
        <= issued_at + policy.lifetime_seconds(credential, None, now=now) + 1
    )
