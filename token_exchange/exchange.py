"""Which token does an authenticated credential get, and is a token that comes back still good?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from token_exchange import audit, revocation, signing
from token_exchange.conf import get_settings, kept_until_settings_change
from token_exchange.core import tokens
from token_exchange.core.errors import InvalidToken
from token_exchange.core.verification import TokenVerifier, VerifiedToken
from token_exchange.credentials import AuthenticatedCredential, CredentialConflict
from token_exchange.granting import TokenRequest, grant, is_granted
from token_exchange.models import AccessToken, Credential
from token_exchange.signals import access_token_revoked, announce
from token_exchange.statements import Insert

REUSE_MARGIN_SECONDS: Final = 1800
"""An auth token is handed out again only while it has more than this left."""

_INSERT: Final = Insert(
    AccessToken,
    "jti",
    "credential",
    "generation",
    "secret_version",
    "scope",
    "audience",
    "kid",
    "issued_at",
    "expires_at",
    "signing_input",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token on its way to the client."""

    token: str = field(repr=False)
    jti: str
    scope: str
    expires_at: int
    """Seconds since the epoch."""
    lifetime_seconds: int
    """What is left of its life."""
    is_reused: bool = False
    """Whether it has been handed out before."""


def mint(credential: AuthenticatedCredential, asked: TokenRequest, *, now: datetime) -> IssuedToken:
    """Make a new access token: one INSERT.

    Raises ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest`` for more than the credential
    may have, ``TemporarilyUnavailable`` without a signing key.
    """
    return _mint(credential, asked, now=now, reusable=False)


def reuse_ends_at(*, now: datetime) -> datetime:
    """Return the time beyond which a token must live to be handed out again at ``now``."""
    return now + timedelta(seconds=REUSE_MARGIN_SECONDS)


def obtain_auth_token(credential: AuthenticatedCredential, *, now: datetime) -> IssuedToken:
    """Return the client's live auth token, byte for byte, or mint one if it is running out.

    Re-use needs the token that authentication brought along and no query of its own. Minting
    locks the credential's row first, so that of simultaneous first requests one mints and the
    others find its token.
    """
    if credential.token is not None:
        issued = _again(credential.token, credential, now=now)
        if issued is not None:
            return issued
    using = router.db_for_write(Credential)
    with transaction.atomic(using=using):
        # An UPDATE and not SELECT FOR UPDATE: SQLite fails a transaction that reads first.
        rows = Credential.objects.using(using).filter(pk=credential.pk)
        rows.update(name=F("name"))
        # Minted in the generation that was authenticated: if that has ended meanwhile, so has
        # the token.
        return _reusable(credential, now=now) or _mint(
            credential, TokenRequest(), now=now, reusable=True
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
    key = signing.key_set().signing_key(tokens.kid_of(signing_input))
    claims = tokens.claims_of(signing_input)
    if key is None or not is_granted(claims, credential, now=now):
        return None
    return IssuedToken(
        token=key.sign_again(signing_input),
        jti=claims.jti,
        scope=claims.scope,
        expires_at=claims.expires_at,
        lifetime_seconds=int(claims.expires_at - now.timestamp()),
        is_reused=True,
    )


def _mint(
    credential: AuthenticatedCredential, asked: TokenRequest, *, now: datetime, reusable: bool
) -> IssuedToken:
    claims = grant(credential, asked, now=now)
    key = signing.key_set().current
    signing_input = tokens.signing_input(claims, kid=key.kid, algorithm=key.algorithm)
    _INSERT.run(
        using=router.db_for_write(AccessToken),
        jti=claims.jti,
        credential=credential.pk,
        generation=claims.generation,
        secret_version=credential.secret_version,
        scope=claims.scope,
        audience=list(claims.audience),
        kid=key.kid,
        issued_at=datetime.fromtimestamp(claims.issued_at, UTC),
        expires_at=datetime.fromtimestamp(claims.expires_at, UTC),
        signing_input=signing_input if reusable else "",
    )
    return IssuedToken(
        token=key.sign(signing_input),
        jti=claims.jti,
        scope=claims.scope,
        expires_at=claims.expires_at,
        lifetime_seconds=claims.expires_at - claims.issued_at,
    )


def verify_access_token(token: str, *, now: float) -> VerifiedToken:
    """Return what a good access token of ours says, and its owner.

    A machine's token costs no query between two refreshes of what this process knows of
    revocations, a user's one. ``now`` is in seconds since the epoch. Raises ``InvalidToken``, or
    ``ExpiredToken`` if nothing but the expiry is wrong; and where what is revoked cannot be known,
    ``TemporarilyUnavailable`` or what the database raised.
    """
    verifier = _verifier()
    claims = verifier.verify_but_expiry(token, now=now)
    owner = None if claims.user_id is None else _owner(claims.user_id)
    verifier.check_expiry(claims, now=now)
    return VerifiedToken(claims=claims, owner=owner)


@kept_until_settings_change
def _verifier() -> TokenVerifier:
    settings = get_settings()
    return TokenVerifier(
        keys=signing.key_set,
        revocations=revocation.revocations,
        issuer=settings.issuer,
        audience=settings.audience,
        cache_size=settings.verified_token_cache_size,
    )


def _owner(user_id: str) -> Any:
    """Return the active user with this id: one query on the writer; raises ``InvalidToken``."""
    model = get_user_model()
    users = model._base_manager.using(router.db_for_write(model))
    try:
        owner = users.filter(pk=user_id).first()
    except (ValueError, ValidationError):  # a key of another type: users are another model now
        owner = None
    if owner is None:
        raise InvalidToken(reason="owner_gone")
    if not owner.is_active:
        raise InvalidToken(reason="owner_inactive")
    return owner


def revoke_access_token(
    access_token: AccessToken, *, now: datetime, by: Any = None, origin: str = ""
) -> None:
    """End one token. Raises ``CredentialConflict`` if it has been revoked already."""
    with transaction.atomic(using=(using := router.db_for_write(AccessToken))):
        rows = AccessToken.objects.using(using).filter(pk=access_token.pk, revoked_at=None)
        if rows.update(revoked_at=now) != 1:
            raise CredentialConflict(_("The token has already been revoked or purged."))
        access_token.refresh_from_db(using=using)
        audit.record(
            audit.Event.TOKEN_REVOKED,
            audit.access_token_target(access_token),
            using=using,
            now=now,
            by=by,
            origin=origin,
            details={"identifier": access_token.credential.identifier},
        )
        announce(access_token_revoked, using=using, access_token=access_token, by=by)
