"""Challenges of a 401 in WWW-Authenticate (RFC 9110, section 11.6.1)."""

from __future__ import annotations

from typing import Final, Protocol

REALM: Final = "token_exchange"

API_KEY_CHALLENGE: Final = f'ApiKey realm="{REALM}"'
BASIC_CHALLENGE: Final = f'Basic realm="{REALM}", charset="UTF-8"'
BEARER_CHALLENGE: Final = f'Bearer realm="{REALM}"'


class _Error(Protocol):
    @property
    def error(self) -> str: ...
    @property
    def description(self) -> str: ...


def bearer_challenge(error: _Error, *, scope: str = "") -> str:
    """Return the challenge for a token that was sent and refused (RFC 6750, section 3)."""
    challenge = f'{BEARER_CHALLENGE}, error="{error.error}"'
    if scope:
        return f'{challenge}, scope="{scope}"'
    return f'{challenge}, error_description="{error.description}"'
