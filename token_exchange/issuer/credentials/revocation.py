"""How does a credential end, or all its tokens?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from token_exchange.issuer.credentials.client_authentication import AuthenticatedCredential
from token_exchange.issuer.credentials.issuance import CredentialConflict
from token_exchange.models import AccessToken, Credential
from token_exchange.models.revocation_writer import revoking
from token_exchange.observability import audit
from token_exchange.signals import announce, credential_revoked, credential_tokens_invalidated
from token_exchange_core.revocation_set import RevocationKind


def revoke(
    credential: Credential, *, now: datetime, reason: str = "", by: Any = None, origin: str = ""
) -> None:
    """End the credential for good: no exchange begins after this, and all its tokens are dead.

    The reason is kept without the secrets that somebody pasted into it. Raises ``ValidationError``
    for one that cannot be stored and ``CredentialConflict`` if the credential has been revoked
    already.
    """
    credential._meta.get_field("revocation_reason").clean(reason, credential)
    # Nobody can edit it afterwards.
    reason = audit.without_secrets(reason)
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk, revoked_at=None)
        changes = {"revoked_at": now, "revoked_by": by, "revocation_reason": reason}
        if rows.update(**changes) != 1:
            raise CredentialConflict(_("The credential has already been revoked."))
        credential.refresh_from_db(using=using)
        audit.record(
            audit.Event.CREDENTIAL_REVOKED,
            audit.credential_target(credential),
            using=using,
            now=now,
            by=by,
            origin=origin,
            reason=reason,
        )
        announce(credential_revoked, using=using, credential=credential, by=by, reason=reason)


def revoke_keys_of(owner: Any, *, now: datetime, origin: str = "") -> None:
    """Revoke each credential, and end every token, of a user who is about to be deleted."""
    his = Credential.objects.on_writer().filter(owner=owner)
    if not his.exists():
        return  # nor has he a token: whoever lost a credential lost its tokens then
    with revoking(using=his.db) as feed:
        feed.revoke_all(RevocationKind.USER, str(owner.pk))
        for credential in his.filter(revoked_at=None):
            # Nobody is faster: whoever revokes waits for the feed.
            revoke(credential, reason="The owner was deleted.", now=now, origin=origin)


def end_tokens_of_deleted(row: Credential | AccessToken, *, using: str) -> None:
    """End what was minted for a credential, or a token, whose row is about to be deleted."""
    with revoking(using=using) as feed:
        if isinstance(row, AccessToken):
            feed.revoke_tokens([(row.jti, row.expires_at)])
        else:
            feed.revoke_all(RevocationKind.CREDENTIAL, row.identifier)


def invalidate_tokens(
    credential: AuthenticatedCredential, *, now: datetime, origin: str = ""
) -> None:
    """End every token of the credential, as its client asked; the credential itself lives on."""
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk)
        rows.update(generation=F("generation") + 1)
        audit.record(
            audit.Event.CREDENTIAL_TOKENS_INVALIDATED,
            audit.credential_target(credential),
            using=using,
            now=now,
            origin=origin,
        )
        announce(
            credential_tokens_invalidated,
            using=using,
            credential_id=credential.pk,
            identifier=credential.identifier,
        )
