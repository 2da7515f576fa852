"""The HTTP endpoints. ``token_exchange.urls`` has them all; each can also be mounted alone."""

from token_exchange.views.auth_token import auth_token
from token_exchange.views.jwks import jwks
from token_exchange.views.leaked_credentials import leaked_credentials
from token_exchange.views.revocations import revocations
from token_exchange.views.token import token
from token_exchange.views.user_api_keys import rotate_user_api_key, user_api_key, user_api_keys

__all__ = [
    "auth_token",
    "jwks",
    "leaked_credentials",
    "revocations",
    "rotate_user_api_key",
    "token",
    "user_api_key",
    "user_api_keys",
]
