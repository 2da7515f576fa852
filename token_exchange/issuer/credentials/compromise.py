"""Revocation and rotation of a credential, together with what was created or rotated with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from django.db import OperationalError
from django.utils.translation import gettext as _

from token_exchange.issuer.credentials.descendants import Descendant, descendants_of
from token_exchange.issuer.credentials.issuance import CredentialConflict, IssuedSecret
from token_exchange.issuer.credentials.revocation import revoke_one
from token_exchange.issuer.credentials.rotation import rotate_one
from token_exchange.models import Credential
from token_exchange.observability.audit import Act

_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedDescendants:
    """What happened to the credentials that were created or rotated with another one."""

    revoked: list[Credential] = field(default_factory=list)
    rotated: list[IssuedSecret] = field(default_factory=list)
    """Each with its new secret, which is known only now."""


def revoke(
    credential: Credential,
    *,
    cause: str = Credential.RevocationCause.OPERATOR,
    keep_descendants: bool = False,
    act: Act | None = None,
) -> None:
    """Revoke the credential permanently, with all its tokens; no exchange begins after this.

    What was created with its tokens is revoked as well, and what was only rotated with them is
    rotated as compromised, unless ``keep_descendants`` is set; ``end_descendants`` returns the new
    secrets. Raises what ``revoke_one`` does.
    """
    act = act or Act()
    revoke_one(credential, cause=cause, act=act)
    if not keep_descendants:
        end_descendants(credential, act=act)


def rotate(
    credential: Credential,
    *,
    overlap: timedelta | None = None,
    compromised: bool = False,
    keep_descendants: bool = False,
    act: Act | None = None,
) -> IssuedSecret:
    """Replace the secret; the previous one keeps working for ``overlap``.

    The default is ``DEFAULT_OVERLAP``, the maximum ``MAX_OVERLAP``. ``compromised`` revokes the
    previous secrets and every token at once, and ends descendants as ``revoke`` does. Raises what
    ``rotate_one`` does.
    """
    act = act or Act()
    issued = rotate_one(credential, overlap=overlap, compromised=compromised, act=act)
    if compromised and not keep_descendants:
        end_descendants(credential, act=act)
    return issued


def end_descendants(credential: Credential, *, act: Act) -> EndedDescendants:
    """Revoke what was created with the credential, and rotate what was only rotated with it.

    Call it after the credential was revoked or rotated as compromised: its tokens obtain nothing
    from then on. Each descendant is ended in a transaction of its own, so that one whose row is
    locked does not save the others. Those that obtain more until it is their turn are found in
    the next round. Raises ``CredentialConflict`` if they keep changing, and ``OperationalError``
    if one is locked for too long; call it again then.
    """
    # The new secrets are not for the token that asks, if one does.
    act = replace(act, reason=_reason(credential), made_with=None)
    ended = EndedDescendants()
    for _round in range(_ROUNDS):
        found = descendants_of([credential], now=act.now)
        if not found:
            return ended
        locked = None
        for each in found:
            try:
                _end(each, ended, act=act)
            except CredentialConflict:  # it was changed since it was read
                continue
            except OperationalError as error:
                locked = error
        if locked is not None:
            raise locked
    raise CredentialConflict(
        _("Credentials that were created with this one keep changing. Try again.")
    )


def _end(descendant: Descendant, ended: EndedDescendants, *, act: Act) -> None:
    credential, was_created = descendant
    # An expired credential cannot be rotated, and has no client that needs a new secret.
    if was_created or credential.has_ended(now=act.now):
        revoke_one(credential, cause=Credential.RevocationCause.DESCENDANT, act=act)
        ended.revoked.append(credential)
    else:
        ended.rotated.append(rotate_one(credential, compromised=True, act=act))


def _reason(credential: Credential) -> str:
    """Return the reason that is stored, so it is not translated."""
    how = "whose secret leaked" if credential.revoked_at is None else "which was revoked"
    return f"Created or rotated with {credential.identifier}, {how}."
