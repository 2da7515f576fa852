"""Rotation: a new secret, while the previous one works for an overlap."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from token_exchange.conf import get_settings
from token_exchange.database.retries import retried
from token_exchange.issuer.credentials.issuance import (
    CredentialConflict,
    IssuedSecret,
    new_secret,
    record_origin,
)
from token_exchange.models import Credential
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import credential_overlap_ended, credential_rotated

_PREVIOUS_SECRET_UNUSED: Final[dict[str, Any]] = {
    "previous_secret_last_used_at": None,
    "previous_secret_last_used_from": "",
    "previous_secret_warned_at": None,
    "previous_secret_mailed_at": None,
}


def rotate_one(
    credential: Credential,
    *,
    overlap: timedelta | None = None,
    compromised: bool = False,
    act: Act | None = None,
) -> IssuedSecret:
    """Replace the secret; the previous one keeps working for ``overlap``.

    The default is ``DEFAULT_OVERLAP``, the maximum ``MAX_OVERLAP``. ``compromised`` revokes the
    previous secrets and every token at once. Raises ``ValidationError`` for an overlap out of
    bounds and ``CredentialConflict`` if the credential is revoked or expired, was rotated since it
    was read, or still has a previous secret and is not compromised.
    """
    act = act or Act()
    now = act.now
    overlap = _overlap(overlap, compromised=compromised)
    _check_rotatable(credential, compromised=compromised, now=now)
    secret = new_secret(credential.kind, credential.identifier)
    changes: dict[str, Any] = {
        "secret_digest": secret.digest,
        "secret_issued_at": now,
        "secret_version": F("secret_version") + 1,
        "previous_secret_digest": credential.secret_digest if overlap else None,
        "previous_secret_expires_at": now + overlap if overlap else None,
        **_PREVIOUS_SECRET_UNUSED,
    }
    if compromised:
        changes["generation"] = F("generation") + 1
    _replace_secret(credential, changes, of=credential.secret_digest, act=act, overlap=overlap)
    return IssuedSecret(credential=credential, raw_secret=secret.raw_secret)


@retried
def _replace_secret(
    credential: Credential, changes: dict[str, Any], *, of: str, act: Act, overlap: timedelta
) -> None:
    """Write the changes if the digest is still ``of`` that secret."""
    compromised = "generation" in changes
    event = audit.Event.CREDENTIAL_COMPROMISED if compromised else audit.Event.CREDENTIAL_ROTATED
    details: dict[str, Any] = {"overlap_seconds": int(overlap.total_seconds())}
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk, revoked_at=None)
        _expect_one(rows.filter(secret_digest=of).update(**changes))
        credential.refresh_from_db(using=using)
        details |= record_origin(credential, act, using=using)
        target = audit.credential_target(credential)
        act.record(event, target, using=using, details=details)
        arguments = {"overlap": overlap, "compromised": compromised}
        act.announce(credential_rotated, using=using, credential=credential, **arguments)


def check_overlap(overlap: timedelta) -> None:
    """Raise ``ValidationError`` for an overlap that is negative or beyond ``MAX_OVERLAP``."""
    longest = get_settings().max_overlap
    if not timedelta(0) <= overlap <= longest:
        raise ValidationError(
            _("The overlap must be between 0 and %(maximum)d seconds."),
            params={"maximum": longest.total_seconds()},
        )


def _overlap(overlap: timedelta | None, *, compromised: bool) -> timedelta:
    settings = get_settings()
    if compromised:
        return timedelta(0)
    if overlap is None:
        return min(settings.default_overlap, settings.max_overlap)
    check_overlap(overlap)
    return overlap


def _check_rotatable(credential: Credential, *, compromised: bool, now: datetime) -> None:
    if credential.has_ended(now=now):
        raise CredentialConflict(_("The credential is revoked or expired. Issue a new one."))
    if credential.has_previous_secret(now=now) and not compromised:
        raise CredentialConflict(
            _(
                "The previous secret works until %(until)s. End the overlap first "
                "(rotate_credential ID --end-overlap), or rotate as compromised (--compromised)."
            )
            % {"until": f"{credential.previous_secret_expires_at:%Y-%m-%d %H:%M:%S %Z}"}
        )


def _expect_one(count: int) -> None:
    if count != 1:
        raise CredentialConflict(
            _("Someone else changed this credential. Reload it and try again.")
        )


@retried
def end_overlap(credential: Credential, *, act: Act | None = None) -> None:
    """Revoke the previous secret now. Raises ``CredentialConflict`` if there is none."""
    act = act or Act()
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(
            pk=credential.pk, previous_secret_expires_at__gt=act.now
        )
        _expect_one(
            rows.update(
                previous_secret_digest=None,
                previous_secret_expires_at=None,
                **_PREVIOUS_SECRET_UNUSED,
            )
        )
        credential.refresh_from_db(using=using)
        act.record(
            audit.Event.CREDENTIAL_OVERLAP_ENDED,
            audit.credential_target(credential),
            using=using,
        )
        act.announce(credential_overlap_ended, using=using, credential=credential)
