"""A feed that revokes one token, and a client that reads it."""

from __future__ import annotations

from typing import Any

from tests.support.claims import CLAIMS
from tests.support.fake_issuer import FEED_PATH, WAIT_SECONDS, Issuer, Reply, page
from token_exchange_core.errors import InvalidToken
from token_exchange_core.remote import RemoteRevocations
from token_exchange_core.revocation_set import Revocation, RevocationKind

RAW_KEY = "sk_live.hidden.hidden"
NOW = CLAIMS.issued_at
TOKEN = Revocation(kind=RevocationKind.TOKEN, subject=CLAIMS.jti, expires_at=CLAIMS.expires_at)


def token(jti: str, *, expires_at: int = CLAIMS.expires_at) -> Revocation:
    return Revocation(kind=RevocationKind.TOKEN, subject=jti, expires_at=expires_at)


def now_page(**members: Any) -> Reply:
    return page(**{"as_of": NOW, **members})


def make_revocations(issuer: Issuer, **options: Any) -> RemoteRevocations:
    values = {"raw_api_key": RAW_KEY, "timeout_seconds": WAIT_SECONDS, **options}
    return RemoteRevocations(f"{issuer.url}{FEED_PATH}", **values)


def reason_for(revocations: RemoteRevocations) -> str | None:
    """Return why the token of the tests is refused, if it is."""
    try:
        revocations().check(CLAIMS, kid="kid")
    except InvalidToken as refusal:
        return refusal.reason
    return None


def queries(issuer: Issuer) -> list[dict[str, str]]:
    return [each.query for each in issuer.received]
