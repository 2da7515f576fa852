"""What is a scope (RFC 6749, section 3.3)?"""

from __future__ import annotations

import re
from typing import Final

from token_exchange_core.errors import InvalidScope

RESERVED_PREFIX: Final = "token_exchange:"
"""Begins the scopes that have a meaning to this package itself; no project may define one."""

REVOCATIONS_SCOPE: Final = f"{RESERVED_PREFIX}revocations"
"""Lets an API key read what is revoked, of all organizations."""

RESERVED_SCOPES: Final = frozenset({REVOCATIONS_SCOPE})

_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def is_scope_token(text: str) -> bool:
    """Tell whether ``text`` is one scope: printable ASCII without space, quote or backslash."""
    return _SCOPE_TOKEN.fullmatch(text) is not None


def parse_scope(text: str) -> frozenset[str]:
    """Split a scope parameter at its spaces; raises ``InvalidScope`` for other characters."""
    scopes = frozenset(text.split(" ")) - {""}
    if not all(map(is_scope_token, scopes)):
        raise InvalidScope(reason="malformed_scope")
    return scopes
