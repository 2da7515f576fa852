"""The wire: each view can be mounted alone, and ``token_exchange.urls`` mounts them all."""

from token_exchange.views.auth_token import auth_token
from token_exchange.views.jwks import jwks
from token_exchange.views.revocations import revocations
from token_exchange.views.token import token

__all__ = ["auth_token", "jwks", "revocations", "token"]
