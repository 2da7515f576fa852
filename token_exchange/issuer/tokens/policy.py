"""What may a token say, of all that its credential was granted and its client asks for?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from token_exchange.conf import get_settings
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.models import Credential
from token_exchange.models.access_token import JTI_LENGTH
from token_exchange_core.errors import InvalidClient, InvalidRequest, InvalidScope, InvalidTarget
from token_exchange_core.secret_strings import random_text
from token_exchange_core.tokens import USER_SUBJECT_PREFIX, Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a client asks for, narrower than what it could have; ``None`` is all of it."""

    scopes: frozenset[str] | None = None
    audience: tuple[str, ...] | None = None
    expires_in: int | None = None
    """Seconds."""


def grant(credential: AuthenticatedCredential, asked: TokenRequest, *, now: datetime) -> Claims:
    """Return the claims of a new token, with a ``jti`` drawn for it.

    Raises ``InvalidScope``, ``InvalidTarget`` or ``InvalidRequest`` for more than the credential
    may have, ``InvalidClient`` in the last second of its life.
    """
    issued_at = int(now.timestamp())
    return Claims(
        issuer=get_settings().issuer,
        subject=_subject(credential),
        audience=_audience(credential, asked.audience),
        client_id=credential.identifier,
        scopes=_scopes(credential, asked.scopes),
        issued_at=issued_at,
        expires_at=issued_at + _lifetime_seconds(credential, asked.expires_in, now=now),
        jti=random_text(JTI_LENGTH),
        organization_id=str(credential.organization_id),
        generation=credential.generation,
    )


def is_granted(claims: Claims, credential: AuthenticatedCredential, *, now: datetime) -> bool:
    """Tell whether a token says what one minted now would say, and lives no longer.

    The clock of the process that minted it may be ahead of ours by ``CLOCK_SKEW``, and all times
    are cut to whole seconds.
    """
    issued_at = int(now.timestamp())
    ahead = max(0, claims.issued_at - issued_at)
    return (
        claims.issuer == get_settings().issuer
        and claims.subject == _subject(credential)
        and claims.organization_id == str(credential.organization_id)
        and claims.audience == _audience(credential, None)
        and claims.scopes == _scopes(credential, None)
        and ahead <= signing_keys.CLOCK_SKEW.total_seconds()
        and claims.expires_at - ahead
        <= issued_at + _lifetime_seconds(credential, None, now=now) + 1
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
    limit = settings.max_token_lifetime
    if credential.organization_max_token_lifetime is not None:
        limit = min(limit, credential.organization_max_token_lifetime)
    if credential.expires_at is not None:
        limit = min(limit, credential.expires_at - now)
    ceiling = int(limit.total_seconds())
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
