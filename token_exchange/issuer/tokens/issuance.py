"""Issuance of access tokens: one INSERT, one signature."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db import router

from token_exchange.database.compiled_queries import Insert
from token_exchange.database.retries import retried
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.issuer.tokens.claims import new_claims
from token_exchange.issuer.tokens.policy import TokenRequest
from token_exchange.models import AccessToken
from token_exchange_core import tokens

_INSERT: Final = Insert(
    AccessToken,
    "jti",
    "credential",
    "generation",
    "secret_version",
    "scope",
    "audience",
    "kid",
    "issued_at",
    "expires_at",
    "signing_input",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token on its way to the client."""

    token: str = field(repr=False)
    jti: str
    scope: str
    expires_at: int
    """Seconds since the epoch."""
    lifetime_seconds: int
    """What is left of its life."""
    is_reused: bool = False
    """Whether it has been handed out before."""


@retried
def issue(
    credential: AuthenticatedCredential,
    requested: TokenRequest,
    *,
    now: datetime,
    is_reusable: bool = False,
) -> IssuedToken:
    """Issue a new access token: one INSERT.

    Its row stores the signing input only if ``is_reusable``. Raises ``InvalidScope``,
    ``InvalidTarget`` or ``InvalidRequest`` for more than the credential may have,
    ``TemporarilyUnavailable`` without a signing key.
    """
    claims = new_claims(credential, requested, now=now)
    key = signing_keys.key_set().current
    signing_input = tokens.signing_input(claims, kid=key.kid, algorithm=key.algorithm)
    _INSERT.run(
        using=router.db_for_write(AccessToken),
        jti=claims.jti,
        credential=credential.pk,
        generation=claims.generation,
        secret_version=credential.secret_version,
        scope=claims.scope,
        audience=list(claims.audience),
        kid=key.kid,
        issued_at=datetime.fromtimestamp(claims.issued_at, UTC),
        expires_at=datetime.fromtimestamp(claims.expires_at, UTC),
        signing_input=signing_input if is_reusable else "",
    )
    return IssuedToken(
        token=key.sign(signing_input),
        jti=claims.jti,
        scope=claims.scope,
        expires_at=claims.expires_at,
        lifetime_seconds=claims.expires_at - claims.issued_at,
    )
