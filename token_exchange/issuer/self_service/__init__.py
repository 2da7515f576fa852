"""Self-service: what users may do with the API keys that act as them."""

from token_exchange.issuer.self_service.authority import Authority, authority_of
from token_exchange.issuer.self_service.caller import Caller, caller_by_session, caller_by_token
from token_exchange.issuer.self_service.entitlement import (
    DEFAULT_MAX_KEYS,
    SelfServiceEntitlement,
    entitlement_of,
)
from token_exchange.issuer.self_service.limits import (
    KEYS_MANAGE_SCOPE,
    KeyRequest,
    latest_expiry,
)
from token_exchange.issuer.self_service.lookup import KeyPage, key_of, keys_of
from token_exchange.issuer.self_service.operations import create, revoke, rotate

__all__ = [
    "DEFAULT_MAX_KEYS",
    "KEYS_MANAGE_SCOPE",
    "Authority",
    "Caller",
    "KeyPage",
    "KeyRequest",
    "SelfServiceEntitlement",
    "authority_of",
    "caller_by_session",
    "caller_by_token",
    "create",
    "entitlement_of",
    "key_of",
    "keys_of",
    "latest_expiry",
    "revoke",
    "rotate",
]
