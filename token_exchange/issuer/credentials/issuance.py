"""Issuance of credentials, and of their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.utils.translation import gettext as _

from token_exchange.conf import get_settings
from token_exchange.database.retries import retried
from token_exchange.models import AbstractOrganization, Credential
from token_exchange.models.credential_policy import POLICY_FIELDS, CredentialPolicy
from token_exchange.models.secret_origin import SecretOrigin, SecretVersion
from token_exchange.observability import audit
from token_exchange.observability.audit import Act
from token_exchange.signals import credential_issued
from token_exchange_core import secret_strings
from token_exchange_core.secret_strings import SecretString

_STAND_IN_LENGTH: Final = 32
_NO_POLICY: Final = CredentialPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A credential with its new secret, which is known only now."""

    credential: Credential
    raw_secret: str = field(repr=False)
    """The whole API key, or the ``client_secret``."""
    stand_in: str = field(default_factory=lambda: secret_strings.random_text(_STAND_IN_LENGTH))
    """Random letters and digits that take the secret's place while an output is composed."""

    def reveal(self, text: str) -> str:
        """Return the text with the secret in place of its stand-in.

        The last step of every page, response and command that shows a new secret, so that a
        template, an URL or a query that fails before has no secret to show in an error report.
        """
        return text.replace(self.stand_in, self.raw_secret)


class CredentialConflict(Exception):
    """The credential is not in a state that allows the operation."""


def new_identifier(kind: str) -> str:
    """Return a new public identifier for a credential of this kind."""
    settings = get_settings()
    if kind == Credential.Kind.API_KEY:
        return secret_strings.make_identifier(settings.api_key_string_prefix)
    return secret_strings.make_client_id(settings.client_id_string_prefix)


def new_secret(kind: str, identifier: str) -> SecretString:
    """Return a new secret for the credential with this identifier."""
    if kind == Credential.Kind.API_KEY:
        return secret_strings.make_secret(identifier)
    # A client secret repeats the id of its client id, so that a leaked one can be traced.
    settings = get_settings()
    start = len(settings.client_id_string_prefix) + 1
    client = identifier[start : start + secret_strings.ID_LENGTH]
    return secret_strings.make_secret(f"{settings.client_secret_string_prefix}.{client}")


@retried
def issue(
    *,
    kind: str,
    organization: AbstractOrganization,
    name: str,
    owner: Any = None,
    policy: CredentialPolicy = _NO_POLICY,
    metadata: Mapping[str, Any] | None = None,
    identifier: str | None = None,
    act: Act | None = None,
) -> IssuedSecret:
    """Issue a credential with its first secret, which cannot be shown again.

    With an ``owner`` its tokens act as that user, otherwise as the organization. An ``identifier``
    that ``new_identifier`` returned before makes the call safe to repeat: the second call raises
    ``CredentialConflict``. Raises ``ValidationError`` for values that a credential cannot have.
    """
    act = act or Act()
    identifier = identifier or new_identifier(kind)
    secret = new_secret(kind, identifier)
    columns = policy.as_columns()
    columns["expires_at"] = columns["expires_at"] or _latest_expiry(act.now)
    credential = Credential(
        kind=kind,
        identifier=identifier,
        name=name,
        organization=organization,  # type: ignore[misc] # which model it is, a setting says
        subject_type=(
            Credential.SubjectType.ORGANIZATION if owner is None else Credential.SubjectType.USER
        ),
        owner=owner,
        secret_digest=secret.digest,
        secret_issued_at=act.now,
        created_at=act.now,
        created_by=act.by,
        metadata={} if metadata is None else metadata,
        **columns,
    )
    _validate(credential, now=act.now)
    _insert(credential, act=act)
    return IssuedSecret(credential=credential, raw_secret=secret.raw_secret)


def _validate(credential: Credential, *, now: datetime) -> None:
    if credential.kind not in Credential.Kind:
        raise ValidationError({"kind": _("There is no such kind of credential.")})
    if credential.kind == Credential.Kind.CLIENT_APP and credential.owner is not None:
        raise ValidationError(
            {"owner": _("A client app acts as its organization and has no owner.")}
        )
    # Duplicates are left to the INSERT, the only check without a race. The other constraints hold
    # by how a credential is built, and Django would ask the database once for each of them.
    credential.full_clean(exclude={"identifier"}, validate_constraints=False)
    check_expiry(credential.expires_at, now=now)


def _insert(credential: Credential, *, act: Act) -> None:
    using = router.db_for_write(Credential)
    try:
        with transaction.atomic(using=using):
            credential.save(using=using, force_insert=True)
            origin = record_origin(credential, act, using=using)
            act.record(
                audit.Event.CREDENTIAL_ISSUED,
                audit.credential_target(credential),
                using=using,
                details=_details(credential) | origin,
            )
            act.announce(credential_issued, using=using, credential=credential)
    except IntegrityError as error:
        raise CredentialConflict(_("This credential has already been issued.")) from error


def record_origin(credential: Credential, act: Act, *, using: str) -> dict[str, str]:
    """Record what obtained the credential's current secret; return the details for the audit."""
    made_with = act.made_with
    if made_with is None:
        return {}
    origins = SecretOrigin.objects.using(using)
    origins.record(SecretVersion.current(credential), made_with=SecretVersion.current(made_with))
    return {"made_with": made_with.identifier}


def _details(credential: Credential) -> dict[str, Any]:
    """Return what the audit trail shows of a new credential."""
    owner_id = credential.owner_id
    policy = {name: getattr(credential, name) for name in POLICY_FIELDS}
    return {
        "name": credential.name,
        "owner": None if owner_id is None else str(owner_id),
        "scopes": credential.scopes,
        **{name: audit.plain(value) for name, value in policy.items() if value},
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
