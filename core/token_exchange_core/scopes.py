"""Scopes (RFC 6749, section 3.3): syntax, and the reserved ones."""

from __future__ import annotations

import re
from typing import Final

from token_exchange_core.errors import InvalidScope

RESERVED_PREFIX: Final = "token_exchange:"
"""Prefix of the scopes that this package defines; a project cannot define scopes with it."""

REVOCATIONS_SCOPE: Final = f"{RESERVED_PREFIX}revocations"
"""Allows an API key to read the revocation feed of all organizations."""

RESERVED_SCOPES: Final = frozenset({REVOCATIONS_SCOPE})

_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def is_scope_token(text: str) -> bool:
    """Tell whether ``text`` is one scope: printable ASCII without space, quote or backslash."""
    return _SCOPE_TOKEN.fullmatch(text) is not None


def parse_scope(text: str) -> frozenset[str]:
    """Split a scope parameter at its spaces; raises ``InvalidScope`` for invalid characters."""
    scopes = frozenset(text.split(" ")) - {""}
    if not all(map(is_scope_token, scopes)):
        raise InvalidScope(reason="malformed_scope")
    return scopes
