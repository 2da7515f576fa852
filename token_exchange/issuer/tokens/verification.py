"""Verification of access tokens against this issuer's own keys and revocations."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router

from token_exchange.conf import get_settings
from token_exchange.database.per_schema import PerSchema
from token_exchange.issuer import revocation_feed, signing_keys
from token_exchange.models import Revocation, parents
from token_exchange_core.errors import InvalidToken
from token_exchange_core.secret_text import SecretText
from token_exchange_core.verification import TokenVerifier, VerifiedToken


def verify_access_token(token: str | SecretText, *, now: float) -> VerifiedToken:
    """Return the claims of a valid access token of this issuer, and its owner.

    A machine's token costs no query between two refreshes of the cached
    revocations, a user's one. ``now`` is in seconds since the epoch. Raises ``InvalidToken``, or
    ``ExpiredToken`` if only the expiry is wrong; if the revocations cannot be loaded,
    ``TemporarilyUnavailable`` or what the database raised.
    """
    token = SecretText.of(token)  # this frame holds no other form of it while queries run
    verifier = _verifiers.get()
    claims = verifier.verify_but_expiry(token, now=now)
    owner = None if claims.user_id is None else _owner(claims.user_id)
    verifier.check_expiry(claims, now=now)
    return VerifiedToken(claims=claims, owner=owner)


def _new_verifier() -> TokenVerifier:
    settings = get_settings()
    return TokenVerifier(
        keys=signing_keys.key_set_reader(),
        revocations=revocation_feed.revocations_reader(),
        issuer=settings.issuer,
        audience=settings.audience,
        cache_size=settings.verified_token_cache_size,
    )


def _using() -> str:
    return router.db_for_write(Revocation)


# A token that was verified with the keys of one schema must not be accepted in another.
_verifiers = PerSchema(_new_verifier, using=_using)


def _owner(user_id: str) -> Any:
    """Return the active user with this id: one query on the writer; raises ``InvalidToken``."""
    users = parents.users().using(router.db_for_write(get_user_model()))
    try:
        owner = users.filter(pk=user_id).first()
    except (ValueError, ValidationError):  # a key of another type: users are another model now
        owner = None
    if owner is None:
        raise InvalidToken(reason="owner_gone")
    if not owner.is_active:
        raise InvalidToken(reason="owner_inactive")
    return owner
