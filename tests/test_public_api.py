"""The public API: these names can be imported, and the documentation lists exactly them."""

from __future__ import annotations

PUBLIC = {
    "token_exchange.authentication": ["BearerAuthentication", "Principal"],
    "token_exchange.exceptions": ["exception_handler"],
    "token_exchange.issuer.authentication": [
        "ApiKeyAuthentication",
        "ClientAppBasicAuthentication",
    ],
    "token_exchange.issuer.credentials": [
        "Act",
        "AuthenticatedCredential",
        "CredentialConflict",
        "CredentialPolicy",
        "IssuedSecret",
        "edit",
        "end_overlap",
        "issue",
        "revoke",
        "rotate",
    ],
}
