"""Which token does an authenticated credential get, and is a token that comes back still good?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.signals import setting_changed
from django.db import router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from token_exchange import revocation, signing
from token_exchange.conf import get_settings
from token_exchange.core import tokens
from token_exchange.core.errors import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
)
from token_exchange.core.secret_strings import random_text
from token_exchange.core.tokens import USER_SUBJECT_PREFIX, Claims
from token_exchange.core.verification import TokenVerifier, VerifiedToken
from token_exchange.credentials import AuthenticatedCredential, CredentialConflict
from token_exchange.models import AccessToken, Credential
from token_exchange.models.access_token import JTI_LENGTH
from token_exchange.signals import access_token_revoked, announce

REUSE_MARGIN_SECONDS: Final = 1800
"""An auth token is handed out again only while it has more than this left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a client asks for, narrower than what it could have; ``None`` is all of it."""

    scopes: frozenset[str] | None = None
    audience: tuple[str, ...] | None = None
    expires_in: int | None = None
    """Seconds."""


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


def mint(credential: AuthenticatedCredential, asked: TokenRequest, *, now: datetime) -> IssuedToken:
    """Make a new access token: one INSERT.

    Raises ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest`` for more than the credential
    may have, ``TemporarilyUnavailable`` without a signing key.
    """
    return _mint(credential, _claims(credential, asked, now=now), reusable=False)


def obtain_auth_token(credential: AuthenticatedCredential, *, now: datetime) -> IssuedToken:
    """Return the client's live auth token, byte for byte, or mint one if it is running out.

    Re-use is one SELECT without a lock. Minting locks the credential's row first, so that of
    simultaneous first requests one mints and the others find its token.
    """
    claims = _claims(credential, TokenRequest(), now=now)
    token = _reusable(credential, claims, now=now)
    if token is not None:
        return token
    using = router.db_for_write(Credential)
    with transaction.atomic(using=using):
        # An UPDATE and not SELECT FOR UPDATE: SQLite fails a transaction that reads first.
        rows = Credential.objects.using(using).filter(pk=credential.pk)
        rows.update(name=F("name"))
        # Minted in the generation that was authenticated: if that has ended meanwhile, so has
        # the token.
        return _reusable(credential, claims, now=now) or _mint(credential, claims, reusable=True)


def _reusable(
    credential: AuthenticatedCredential, wanted: Claims, *, now: datetime
) -> IssuedToken | None:
    candidates = (
        AccessToken.objects.on_writer()
        .filter(
            credential_id=credential.pk,
            generation=credential.generation,
            revoked_at=None,
            expires_at__gt=now + timedelta(seconds=REUSE_MARGIN_SECONDS),
        )
        .exclude(signing_input="")
        .order_by("-pk")  # the newest follows the newest policy
        .values_list("kid", "signing_input")
    )[:1]
    for kid, signing_input in candidates:
        key = signing.key_set().signing_key(kid)
        claims = tokens.claims_of(signing_input)
        if key is not None and _is_within(claims, wanted):
            return IssuedToken(
                token=key.sign(signing_input),
                jti=claims.jti,
                scope=claims.scope,
                expires_at=claims.expires_at,
                lifetime_seconds=int(claims.expires_at - now.timestamp()),
            )
    return None


def _is_within(claims: Claims, wanted: Claims) -> bool:
    """Tell whether a token says what one minted now would say, and lives no longer.

    The clock of the process that minted it may be ahead of ours by ``CLOCK_SKEW``, and all times
    are cut to whole seconds.
    """
    ahead = max(0, claims.issued_at - wanted.issued_at)
    return (
        claims.issuer == wanted.issuer
        and claims.subject == wanted.subject
        and claims.organization_id == wanted.organization_id
        and claims.audience == wanted.audience
        and claims.scopes == wanted.scopes
        and ahead <= signing.CLOCK_SKEW.total_seconds()
        and claims.expires_at - ahead <= wanted.expires_at + 1
    )


def _claims(credential: AuthenticatedCredential, asked: TokenRequest, *, now: datetime) -> Claims:
    issued_at = int(now.timestamp())
    lifetime_seconds = _lifetime_seconds(credential, asked.expires_in, now=now)
    return Claims(
        issuer=get_settings().issuer,
        subject=_subject(credential),
        audience=_audience(credential, asked.audience),
        client_id=credential.identifier,
        scopes=_scopes(credential, asked.scopes),
        issued_at=issued_at,
        expires_at=issued_at + lifetime_seconds,
        jti=random_text(JTI_LENGTH),
        organization_id=str(credential.organization_id),
        generation=credential.generation,
    )


def _mint(credential: AuthenticatedCredential, claims: Claims, *, reusable: bool) -> IssuedToken:
    key = signing.key_set().current
    signing_input = tokens.signing_input(claims, kid=key.kid, algorithm=key.algorithm)
    AccessToken(
        jti=claims.jti,
        credential_id=credential.pk,
        generation=claims.generation,
        scope=claims.scope,
        audience=list(claims.audience),
        kid=key.kid,
        issued_at=datetime.fromtimestamp(claims.issued_at, UTC),
        expires_at=datetime.fromtimestamp(claims.expires_at, UTC),
        signing_input=signing_input if reusable else "",
    ).save(force_insert=True, using=router.db_for_write(AccessToken))
    return IssuedToken(
        token=key.sign(signing_input),
        jti=claims.jti,
        scope=claims.scope,
        expires_at=claims.expires_at,
        lifetime_seconds=claims.expires_at - claims.issued_at,
    )


def _subject(credential: AuthenticatedCredential) -> str:
    if credential.subject_type == Credential.SubjectType.USER:
        return f"{USER_SUBJECT_PREFIX}{credential.owner_id}"
    return credential.identifier


def _scopes(credential: AuthenticatedCredential, asked: frozenset[str] | None) -> frozenset[str]:
    granted = frozenset(credential.scopes)
    if asked is None:
        return granted
    if not asked <= granted:
        raise InvalidScope(reason="scope_not_granted", identifier=credential.identifier)
    return asked


def _audience(
    credential: AuthenticatedCredential, asked: tuple[str, ...] | None
) -> tuple[str, ...]:
    allowed = tuple(credential.audience) or (get_settings().audience,)
    if asked is None:
        return allowed
    if not set(asked) <= set(allowed):
        raise InvalidTarget(reason="audience_not_allowed", identifier=credential.identifier)
    return asked


def _lifetime_seconds(
    credential: AuthenticatedCredential, asked: int | None, *, now: datetime
) -> int:
    settings = get_settings()
    limits: Iterable[timedelta | None] = (
        settings.max_token_lifetime,
        credential.organization_max_token_lifetime,
        credential.expires_at - now if credential.expires_at else None,
    )
    ceiling = int(min(limit.total_seconds() for limit in limits if limit is not None))
    if ceiling < 1:
        # Its last second has begun, and a token of no lifetime is of no use.
        raise InvalidClient(reason="credential_expired", identifier=credential.identifier)
    if asked is not None:
        if asked > ceiling:
            raise InvalidRequest(
                f"The maximum of expires_in is {ceiling} seconds for this credential.",
                reason="expires_in_over_maximum",
                identifier=credential.identifier,
            )
        return asked
    is_client_app = credential.kind == Credential.Kind.CLIENT_APP
    lifetime = (
        credential.token_lifetime
        or credential.organization_default_token_lifetime
        or (
            settings.client_app_token_lifetime if is_client_app else settings.api_key_token_lifetime
        )
    )
    return max(1, min(int(lifetime.total_seconds()), ceiling))


def verify_access_token(token: str, *, now: float) -> VerifiedToken:
    """Return what a good access token of ours says, and its owner.

    A machine's token costs no query between two refreshes of what this process knows of
    revocations, a user's one. ``now`` is in seconds since the epoch. Raises ``InvalidToken``, or
    ``ExpiredToken`` if nothing but the expiry is wrong.
    """
    verifier = _verifier()
    claims = verifier.verify_but_expiry(token, now=now)
    owner = None if claims.user_id is None else _owner(claims.user_id)
    verifier.check_expiry(claims, now=now)
    return VerifiedToken(claims=claims, owner=owner)


@cache
def _verifier() -> TokenVerifier:
    settings = get_settings()
    return TokenVerifier(
        keys=signing.key_set,
        revocations=revocation.revocations,
        issuer=settings.issuer,
        audience=settings.audience,
        cache_size=settings.verified_token_cache_size,
    )


def _forget_verifier(*, setting: str, **_: object) -> None:
    if setting == "TOKEN_EXCHANGE":
        _verifier.cache_clear()


setting_changed.connect(_forget_verifier)


def _owner(user_id: str) -> Any:
    """Return the active user with this id: one query on the writer; raises ``InvalidToken``."""
    model = get_user_model()
    owner = model._base_manager.using(router.db_for_write(model)).filter(pk=user_id).first()
    if owner is None:
        raise InvalidToken(reason="owner_gone")
    if not owner.is_active:
        raise InvalidToken(reason="owner_inactive")
    return owner


def revoke_access_token(access_token: AccessToken, *, now: datetime, by: Any = None) -> None:
    """End one token. Raises ``CredentialConflict`` if it has been revoked already."""
    with transaction.atomic(using=(using := router.db_for_write(AccessToken))):
        rows = AccessToken.objects.using(using).filter(pk=access_token.pk, revoked_at=None)
        if rows.update(revoked_at=now) != 1:
            raise CredentialConflict(_("The token has already been revoked or purged."))
        access_token.refresh_from_db(using=using)
        announce(access_token_revoked, using=using, access_token=access_token, by=by)
