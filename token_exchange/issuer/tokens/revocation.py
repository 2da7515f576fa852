"""Revocation of a single access token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import AccessToken
from token_exchange.observability import audit
from token_exchange.signals import access_token_revoked, announce


def revoke(access_token: AccessToken, *, now: datetime, by: Any = None, origin: str = "") -> None:
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
