"""Claims of one valid token, as JSON and as ``Claims``."""

from __future__ import annotations

from typing import Any

from token_exchange_core.tokens import Claims

PAYLOAD: dict[str, Any] = {
    "iss": "https://issuer.test",
    "sub": "sk_live.abc",
    "aud": "https://api.test",
    "client_id": "sk_live.abc",
    "scope": "reports:read reports:write",
    "iat": 1_700_000_000,
    "exp": 1_700_001_800,
    "jti": "Jti0123456789",
    "org": "42",
    "gen": 3,
}


CLAIMS = Claims(
    issuer="https://issuer.test",
    subject="sk_live.abc",
    audience=("https://api.test",),
    client_id="sk_live.abc",
    scopes=frozenset({"reports:read", "reports:write"}),
    issued_at=1_700_000_000,
    expires_at=1_700_001_800,
    jti="Jti0123456789",
    organization_id="42",
    generation=3,
)
