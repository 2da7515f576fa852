"""What may users do to the API keys that speak for them, and how far does that go?"""

from token_exchange.issuer.self_service.authority import KEYS_MANAGE_SCOPE, authority_of
from token_exchange.issuer.self_service.caller import Caller, caller_by_session, caller_by_token
from token_exchange.issuer.self_service.entitlement import (
    DEFAULT_MAX_KEYS,
    SelfServiceEntitlement,
    entitlement_of,
)
from token_exchange.issuer.self_service.key_request import KeyRequest, latest_expiry
from token_exchange.issuer.self_service.limits import Bounds, Policy
from token_exchange.issuer.self_service.lookup import KeyPage, key_of, keys_of
from token_exchange.issuer.self_service.operations import create, revoke, rotate

__all__ = [
    "DEFAULT_MAX_KEYS",
    "KEYS_MANAGE_SCOPE",
    "Bounds",
    "Caller",
    "KeyPage",
    "KeyRequest",
    "Policy",
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
