"""Revocation of a single access token."""

from __future__ import annotations

from django.db import router, transaction
from django.utils.translation import gettext as _

from token_exchange.database.retries import retried
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import AccessToken
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import access_token_revoked


@retried
def revoke(access_token: AccessToken, *, act: Act | None = None) -> None:
    """Revoke one token. Raises ``CredentialConflict`` if it has been revoked already."""
    act = act or Act()
    with transaction.atomic(using=(using := router.db_for_write(AccessToken))):
        rows = AccessToken.objects.using(using).filter(pk=access_token.pk, revoked_at=None)
        if rows.update(revoked_at=act.now) != 1:
            raise CredentialConflict(_("The token has already been revoked or purged."))
        access_token.refresh_from_db(using=using)
        act.record(
            audit.Event.TOKEN_REVOKED,
            audit.access_token_target(access_token),
            using=using,
            details={"identifier": access_token.credential.identifier},
        )
        act.announce(access_token_revoked, using=using, access_token=access_token)
