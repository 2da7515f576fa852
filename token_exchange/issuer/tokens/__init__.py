"""Access tokens: issued or re-used for a credential, verified, revoked."""

from token_exchange.issuer.tokens.issuance import IssuedToken, issue
from token_exchange.issuer.tokens.policy import TokenRequest
from token_exchange.issuer.tokens.reuse import (
    REUSE_MARGIN_SECONDS,
    reuse_ends_at,
    reuse_or_issue,
)
from token_exchange.issuer.tokens.revocation import revoke
from token_exchange.issuer.tokens.verification import verify_access_token

__all__ = [
    "REUSE_MARGIN_SECONDS",
    "IssuedToken",
    "TokenRequest",
    "issue",
    "reuse_ends_at",
    "reuse_or_issue",
    "revoke",
    "verify_access_token",
]
