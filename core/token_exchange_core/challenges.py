"""Which challenges does a 401 carry (RFC 9110, section 11.6.1)?"""

from __future__ import annotations

from typing import Final

from token_exchange_core.errors import TokenExchangeError

REALM: Final = "token_exchange"

API_KEY_CHALLENGE: Final = f'ApiKey realm="{REALM}"'
BASIC_CHALLENGE: Final = f'Basic realm="{REALM}", charset="UTF-8"'
BEARER_CHALLENGE: Final = f'Bearer realm="{REALM}"'


def bearer_challenge(error: TokenExchangeError, *, scope: str = "") -> str:
    """Return the challenge to a token that was sent and refused (RFC 6750, section 3)."""
    challenge = f'{BEARER_CHALLENGE}, error="{error.error}"'
    if scope:
        return f'{challenge}, scope="{scope}"'
    return f'{challenge}, error_description="{error.description}"'
