"""Operations on credentials: issue, authenticate, edit, rotate, revoke."""

from token_exchange.issuer.credentials.client_authentication import (
    AuthenticatedCredential,
    authenticate_api_key,
    authenticate_client_app,
    parse_api_key,
    parse_client_app,
)
from token_exchange.issuer.credentials.compromise import (
    EndedDescendants,
    end_descendants,
    revoke,
    rotate,
)
from token_exchange.issuer.credentials.descendants import Descendant, descendants_of
from token_exchange.issuer.credentials.editing import edit
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
    revoke_keys_of,
)
from token_exchange.issuer.credentials.rotation import check_overlap, end_overlap
from token_exchange.models.credential_policy import CredentialPolicy
from token_exchange.observability.audit import Act

__all__ = [
    "Act",
    "AuthenticatedCredential",
    "CredentialConflict",
    "CredentialPolicy",
    "Descendant",
    "EndedDescendants",
    "IssuedSecret",
    "authenticate_api_key",
    "authenticate_client_app",
    "check_expiry",
    "check_overlap",
    "descendants_of",
    "edit",
    "end_descendants",
    "end_overlap",
    "end_tokens_of_deleted",
    "invalidate_tokens",
    "issue",
    "new_identifier",
    "parse_api_key",
    "parse_client_app",
    "revoke",
    "revoke_keys_of",
    "rotate",
]
