"""How does a credential begin, and what makes its secrets?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import get_settings
from token_exchange.models import AbstractOrganization, Credential
from token_exchange.observability import audit
from token_exchange.signals import announce, credential_issued
from token_exchange_core import secret_strings
from token_exchange_core.secret_strings import SecretString

_LIMITS: Final = ("audience", "token_lifetime", "allowed_networks", "expires_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A credential with its new secret, in the one moment when the secret is known."""

    credential: Credential
    raw_secret: str = field(repr=False)
    """The whole API key, or the ``client_secret``."""


class CredentialConflict(Exception):
    """The credential is not, or no longer, in a state that allows what was asked."""


def new_identifier(kind: str) -> str:
    """Draw the public identifier of a credential of this kind before the credential is issued."""
    settings = get_settings()
    if kind == Credential.Kind.API_KEY:
        return secret_strings.make_identifier(settings.api_key_string_prefix)
    return secret_strings.make_client_id(settings.client_id_string_prefix)


def new_secret(kind: str, identifier: str) -> SecretString:
    """Draw a secret for the credential of this kind and identifier."""
    if kind == Credential.Kind.API_KEY:
        return secret_strings.make_secret(identifier)
    # A client secret repeats the id of its client id, so that a leaked one can be traced.
    settings = get_settings()
    start = len(settings.client_id_string_prefix) + 1
    client = identifier[start : start + secret_strings.ID_LENGTH]
    return secret_strings.make_secret(f"{settings.client_secret_string_prefix}.{client}")


@sensitive_variables("secret")
def issue(
    *,
    kind: str,
    organization: AbstractOrganization,
    name: str,
    now: datetime,
    owner: Any = None,
    scopes: Iterable[str] = (),
    audience: Iterable[str] = (),
    token_lifetime: timedelta | None = None,
    allowed_networks: Iterable[str] = (),
    expires_at: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
    by: Any = None,
    origin: str = "",
    identifier: str | None = None,
) -> IssuedSecret:
    """Make a credential and its first secret, which nobody can show again.

    With an ``owner`` its tokens speak for that user, otherwise for the organization. An
    ``identifier`` drawn before by ``new_identifier`` makes the call safe to repeat: the second one
    is refused. Raises ``ValidationError`` for what the credential may not be.
    """
    credential = Credential(
        kind=kind,
        identifier=identifier or new_identifier(kind),
        name=name,
        organization=organization,  # type: ignore[misc] # which model it is, a setting says
        subject_type=(
            Credential.SubjectType.ORGANIZATION if owner is None else Credential.SubjectType.USER
        ),
        owner=owner,
        scopes=sorted(scopes),
        audience=list(audience),
        token_lifetime=token_lifetime,
        allowed_networks=list(allowed_networks),
        created_at=now,
        created_by=by,
        expires_at=expires_at or _latest_expiry(now),
        metadata={} if metadata is None else metadata,
    )
    secret = new_secret(kind, credential.identifier)
    credential.secret_digest = secret.digest
    credential.secret_issued_at = now
    if kind not in Credential.Kind:
        raise ValidationError({"kind": _("There is no such kind of credential.")})
    if kind == Credential.Kind.CLIENT_APP and owner is not None:
        raise ValidationError({"owner": _("A client app speaks for its organization alone.")})
    # An identifier that is taken is the INSERT's to refuse: it alone sees the very same moment. The
    # other constraints hold by what is written above; to be sure, Django would ask once for each.
    credential.full_clean(exclude={"identifier"}, validate_constraints=False)
    check_expiry(credential.expires_at, now=now)
    using = router.db_for_write(Credential)
    try:
        with transaction.atomic(using=using):
            credential.save(using=using, force_insert=True)
            audit.record(
                audit.Event.CREDENTIAL_ISSUED,
                audit.credential_target(credential),
                using=using,
                now=now,
                by=by,
                origin=origin,
                details=_details(credential),
            )
            announce(credential_issued, using=using, credential=credential, by=by)
    except IntegrityError as error:
        raise CredentialConflict(_("This credential has already been issued.")) from error
    return IssuedSecret(credential=credential, raw_secret=secret.raw_secret)


def _details(credential: Credential) -> dict[str, Any]:
    """Return what the audit trail says of a new credential: what it may, within which limits."""
    owner_id = credential.owner_id
    limits = {name: getattr(credential, name) for name in _LIMITS}
    return {
        "name": credential.name,
        "owner": None if owner_id is None else str(owner_id),
        "scopes": credential.scopes,
        **{name: audit.plain(value) for name, value in limits.items() if value},
    }


def check_expiry(expires_at: datetime | None, *, now: datetime) -> None:
    """Raise ``ValidationError`` for an expiry in the past or beyond ``MAX_KEY_LIFETIME``."""
    latest = _latest_expiry(now)
    if expires_at is not None and expires_at <= now:
        raise ValidationError({"expires_at": _("The expiry must be in the future.")})
    if latest is not None and (expires_at is None or expires_at > latest):
        raise ValidationError(
            {
                "expires_at": ValidationError(
                    _("Credentials must expire by %(latest)s."),
                    params={"latest": latest.isoformat(timespec="seconds")},
                )
            }
        )


def _latest_expiry(now: datetime) -> datetime | None:
    longest = get_settings().max_key_lifetime
    return None if longest is None else now + longest
