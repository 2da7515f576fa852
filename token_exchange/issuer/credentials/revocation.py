"""Revocation of credentials, and of all tokens of a credential or user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from token_exchange.database.retries import retried
from token_exchange.issuer.credentials.client_authentication import AuthenticatedCredential
from token_exchange.issuer.credentials.issuance import CredentialConflict
from token_exchange.models import AccessToken, Credential
from token_exchange.models.revocation_writer import revoking
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import announce, credential_revoked, credential_tokens_invalidated
from token_exchange_core.revocation_set import RevocationKind


@retried
def revoke_one(
    credential: Credential,
    *,
    cause: str = Credential.RevocationCause.OPERATOR,
    act: Act | None = None,
) -> None:
    """Revoke the credential permanently, with all its tokens; no exchange begins after this.

    The act's reason is stored without the secrets pasted into it. Raises ``ValidationError`` for
    one that cannot be stored and ``CredentialConflict`` if the credential has been revoked already.
    """
    act = act or Act()
    credential._meta.get_field("revocation_reason").clean(act.reason, credential)
    changes = {
        "revoked_at": act.now,
        "revoked_by": act.by,
        "revocation_cause": cause,
        # Nobody can edit it later.
        "revocation_reason": audit.without_secrets(act.reason),
    }
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk, revoked_at=None)
        if rows.update(**changes) != 1:
            raise CredentialConflict(_("The credential has already been revoked."))
        credential.refresh_from_db(using=using)
        act.record(
            audit.Event.CREDENTIAL_REVOKED,
            audit.credential_target(credential),
            using=using,
        )
        act.announce(
            credential_revoked,
            using=using,
            credential=credential,
            reason=credential.revocation_reason,
        )


def revoke_keys_of(owner: Any, *, act: Act) -> None:
    """Revoke each credential, and all tokens, of a user who is about to be deleted."""
    owned = Credential.objects.on_writer().filter(owner=owner, revoked_at=None)
    if not owned.exists():
        return  # no live tokens either: they were revoked with their credentials
    act = replace(act, reason="The owner was deleted.")
    with revoking(using=owned.db) as feed:
        # The user before the keys, as in self-service; Django locks the user only afterwards.
        users = type(owner)._base_manager.using(owned.db).filter(pk=owner.pk)
        users.update(is_active=F("is_active"))
        feed.revoke_all(RevocationKind.USER, str(owner.pk))
        for credential in owned:
            # No one else can revoke it in between: that needs the feed, which is locked.
            revoke_one(credential, cause=Credential.RevocationCause.OWNER_DELETED, act=act)


def end_tokens_of_deleted(row: Credential | AccessToken, *, using: str) -> None:
    """Revoke the tokens of a credential, or a token, whose row is about to be deleted."""
    with revoking(using=using) as feed:
        if isinstance(row, AccessToken):
            feed.revoke_tokens([(row.jti, row.expires_at)])
        else:
            feed.revoke_all(RevocationKind.CREDENTIAL, row.identifier)


@retried
def invalidate_tokens(credential: AuthenticatedCredential, *, act: Act | None = None) -> None:
    """Revoke every token of the credential, as its client asked; the credential stays active.

    Writes nothing if it has no live token.
    """
    act = act or Act()
    using = router.db_for_write(Credential)
    tokens = AccessToken.objects.using(using).filter(credential=credential.pk)
    if not tokens.unexpired(now=act.now).exists():
        return
    with transaction.atomic(using=using):
        rows = Credential.objects.using(using).filter(pk=credential.pk)
        rows.update(generation=F("generation") + 1)
        act.record(
            audit.Event.CREDENTIAL_TOKENS_INVALIDATED,
            audit.credential_target(credential),
            using=using,
        )
        announce(
            credential_tokens_invalidated,
            using=using,
            credential_id=credential.pk,
            identifier=credential.identifier,
        )
