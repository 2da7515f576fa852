"""How does a credential begin, prove itself, change its secret and end?"""

from token_exchange.credentials.authenticating import (
    AuthenticatedCredential,
    authenticate_api_key,
    authenticate_client_app,
)
from token_exchange.credentials.changing import change
from token_exchange.credentials.ending import (
    end_tokens_of_deleted,
    invalidate_tokens,
    revoke,
    revoke_keys_of,
)
from token_exchange.credentials.issuing import (
    CredentialConflict,
    IssuedSecret,
    check_expiry,
    issue,
    new_identifier,
)
from token_exchange.credentials.rotating import end_overlap, rotate

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
