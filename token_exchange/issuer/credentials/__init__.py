"""How does a credential begin, prove itself, change its secret and end?"""

from token_exchange.issuer.credentials.client_authentication import (
    AuthenticatedCredential,
    authenticate_api_key,
    authenticate_client_app,
)
from token_exchange.issuer.credentials.editing import change
from token_exchange.issuer.credentials.issuance import (
    CredentialConflict,
    IssuedSecret,
    check_expiry,
    issue,
    new_identifier,
)
from token_exchange.issuer.credentials.revocation import (
    end_tokens_of_deleted,
    invalidate_tokens,
    revoke,
    revoke_keys_of,
)
from token_exchange.issuer.credentials.rotation import end_overlap, rotate

__all__ = [
    "AuthenticatedCredential",
    "CredentialConflict",
    "IssuedSecret",
    "authenticate_api_key",
    "authenticate_client_app",
    "change",
    "check_expiry",
    "end_overlap",
    "end_tokens_of_deleted",
    "invalidate_tokens",
    "issue",
    "new_identifier",
    "revoke",
    "revoke_keys_of",
    "rotate",
]
