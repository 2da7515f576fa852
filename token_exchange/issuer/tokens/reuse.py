"""Re-use of a client app's live auth token.

A client app that asks again gets the same token while that token has more than half an hour left.
The token itself is never stored: its row keeps the unsigned header and payload, and signing those
bytes again with the same key gives the same token, because the signatures are deterministic.

Two first requests can arrive at the same moment in different processes, and both would find no
token to re-use. So the slow path locks the credential's row before it looks again: one request
issues a token, and the other waits and then finds it. The fast path takes no lock and needs no
query of its own, because the SELECT that authenticated the client also brought the token along.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import router, transaction

from token_exchange.database.retries import retried
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.issuer.tokens.claims import is_current
from token_exchange.issuer.tokens.issuance import IssuedToken, issue
from token_exchange.issuer.tokens.policy import TokenRequest
from token_exchange.models import AccessToken, Credential
from token_exchange_core import tokens

REUSE_MARGIN_SECONDS: Final = 1800
"""An auth token is re-used only while it has more than this left."""


def reuse_ends_at(*, now: datetime) -> datetime:
    """Return the time after which a token must expire to be re-used at ``now``."""
    return now + timedelta(seconds=REUSE_MARGIN_SECONDS)


@retried
def reuse_or_issue(credential: AuthenticatedCredential, *, now: datetime) -> IssuedToken:
    """Return the client's live auth token, byte for byte, or issue one if it is about to expire.

    Re-use takes the token that authentication brought along. Issuing locks the credential's row
    first, so that of simultaneous first requests one issues a token and the others find it.
    """
    if credential.token is not None:
        issued = _again(credential.token, credential, now=now)
        if issued is not None:
            return issued
    using = router.db_for_write(Credential)
    with transaction.atomic(using=using):
        Credential.objects.using(using).filter(pk=credential.pk).lock()
        # A new token gets the generation that was authenticated: if that has been revoked since,
        # so has the token.
        return _reusable(credential, now=now) or issue(
            credential, TokenRequest(), now=now, is_reusable=True
        )


def _reusable(credential: AuthenticatedCredential, *, now: datetime) -> IssuedToken | None:
    found = AccessToken.objects.on_writer().signing_inputs(
        credential=credential.pk,
        generation=credential.generation,
        until=reuse_ends_at(now=now),
    )
    for signing_input in found:
        return _again(signing_input, credential, now=now)
    return None


def _again(
    signing_input: str, credential: AuthenticatedCredential, *, now: datetime
) -> IssuedToken | None:
    key = signing_keys.key_set().signing_key(tokens.kid_of(signing_input))
    claims = tokens.claims_of(signing_input)
    if key is None or not is_current(claims, credential, now=now):
        return None
    return IssuedToken(
        token=key.sign_again(signing_input),
        jti=claims.jti,
        scope=claims.scope,
        expires_at=claims.expires_at,
        lifetime_seconds=int(claims.expires_at - now.timestamp()),
        is_reused=True,
    )
