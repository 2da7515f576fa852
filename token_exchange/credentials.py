"""How does a credential begin, prove itself, change its secret and end?"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, router, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import get_settings
from token_exchange.core import secret_strings
from token_exchange.core.errors import InvalidClient
from token_exchange.core.networks import is_within
from token_exchange.core.secret_strings import NO_DIGEST, SecretString, same_digest
from token_exchange.models import AbstractOrganization, Credential
from token_exchange.models.credential import CredentialQuerySet, State
from token_exchange.signals import (
    announce,
    credential_issued,
    credential_overlap_ended,
    credential_revoked,
    credential_rotated,
    credential_tokens_invalidated,
    log_event,
    previous_secret_used,
)

LAST_USED_RESOLUTION: Final = timedelta(minutes=1)
"""``last_used_at`` is written at most this often, so that no request waits for another's row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A credential with its new secret, in the one moment when the secret is known."""

    credential: Credential
    raw_secret: str = field(repr=False)
    """The whole API key, or the ``client_secret``."""


class AuthenticatedCredential(NamedTuple):
    """What one query told of a credential whose secret was right.

    It is ``request.auth`` where a credential is used directly on a view.
    """

    pk: int
    identifier: str
    kind: str
    subject_type: str
    owner_id: Any
    organization_id: Any
    scopes: list[str]
    audience: list[str]
    token_lifetime: timedelta | None
    generation: int
    expires_at: datetime | None
    organization_default_token_lifetime: timedelta | None
    organization_max_token_lifetime: timedelta | None
    used_previous_secret: bool
    owner: Any = None
    """The user himself, only where he was asked for."""


class _Row(NamedTuple):
    """The columns that authentication reads, in the order of ``_COLUMNS``."""

    pk: int
    identifier: str
    kind: str
    subject_type: str
    owner_id: Any
    owner_is_active: bool | None
    organization_id: Any
    organization_is_active: bool
    organization_default_token_lifetime: timedelta | None
    organization_max_token_lifetime: timedelta | None
    scopes: list[str]
    audience: list[str]
    token_lifetime: timedelta | None
    allowed_networks: list[str]
    generation: int
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    secret_digest: str
    previous_secret_digest: str | None
    previous_secret_expires_at: datetime | None
    previous_secret_last_used_at: datetime | None


_COLUMNS: Final = (
    "pk",
    "identifier",
    "kind",
    "subject_type",
    "owner_id",
    "owner__is_active",
    "organization_id",
    "organization__is_active",
    "organization__default_token_lifetime",
    "organization__max_token_lifetime",
    "scopes",
    "audience",
    "token_lifetime",
    "allowed_networks",
    "generation",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "secret_digest",
    "previous_secret_digest",
    "previous_secret_expires_at",
    "previous_secret_last_used_at",
)


def new_identifier(kind: str) -> str:
    """Draw the public identifier of a credential of this kind before the credential is issued."""
    settings = get_settings()
    if kind == Credential.Kind.API_KEY:
        return secret_strings.make_identifier(settings.api_key_string_prefix)
    return secret_strings.make_client_id(settings.client_id_string_prefix)


def _new_secret(kind: str, identifier: str) -> SecretString:
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
        organization=organization,
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
        metadata=dict(metadata or {}),
    )
    secret = _new_secret(kind, credential.identifier)
    credential.secret_digest = secret.digest
    credential.secret_issued_at = now
    credential.full_clean()
    check_expiry(expires_at, now=now)
    using = router.db_for_write(Credential)
    try:
        with transaction.atomic(using=using):
            credential.save(using=using, force_insert=True)
            announce(credential_issued, using=using, credential=credential, by=by)
    except IntegrityError as error:
        raise CredentialConflict(_("This credential has already been issued.")) from error
    return IssuedSecret(credential=credential, raw_secret=secret.raw_secret)


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


@sensitive_variables("raw_key", "secret")
def authenticate_api_key(
    raw_key: str, *, address: str, now: datetime, load_owner: bool = False
) -> AuthenticatedCredential:
    """Return the API key's credential, by one SELECT, if it may be used from ``address`` now.

    With ``load_owner`` the same SELECT brings the owning user, if there is one.
    Raises ``InvalidClient`` with one public text for everything that can be wrong; only its
    private reason tells revoked from unknown.
    """
    secret = secret_strings.parse_secret(raw_key, prefix=get_settings().api_key_string_prefix)
    return _authenticate(
        kind=Credential.Kind.API_KEY,
        identifier=secret.identifier,
        digest=secret.digest,
        address=address,
        now=now,
        load_owner=load_owner,
    )


@sensitive_variables("raw_client_secret", "secret")
def authenticate_client_app(
    client_id: str, raw_client_secret: str, *, address: str, now: datetime
) -> AuthenticatedCredential:
    """Return the client app's credential; otherwise as ``authenticate_api_key``."""
    settings = get_settings()
    identifier = secret_strings.parse_client_id(client_id, prefix=settings.client_id_string_prefix)
    secret = secret_strings.parse_secret(
        raw_client_secret, prefix=settings.client_secret_string_prefix
    )
    return _authenticate(
        kind=Credential.Kind.CLIENT_APP,
        identifier=identifier,
        digest=secret.digest,
        address=address,
        now=now,
    )


def _authenticate(
    *,
    kind: str,
    identifier: str,
    digest: str,
    address: str,
    now: datetime,
    load_owner: bool = False,
) -> AuthenticatedCredential:
    user_model = get_user_model()
    owner_columns = [each.attname for each in user_model._meta.concrete_fields if load_owner]
    rows = Credential.objects.on_writer().filter(kind=kind, identifier=identifier)
    found = list(rows.values_list(*_COLUMNS, *(f"owner__{name}" for name in owner_columns)))
    row = _Row(*found[0][: len(_COLUMNS)]) if found else None
    # Both comparisons are made whatever was found, so that every refusal costs the same.
    is_current = same_digest(row.secret_digest if row else NO_DIGEST, digest)
    is_previous = same_digest((row.previous_secret_digest if row else None) or NO_DIGEST, digest)
    if row is None or row.identifier != identifier:  # a collation may have ignored the case
        raise InvalidClient(reason="unknown")
    reason = _reason_to_refuse(
        row, is_current=is_current, is_previous=is_previous, address=address, now=now
    )
    if reason is not None:
        raise InvalidClient(reason=reason, identifier=identifier)
    _record_use(row, used_previous_secret=not is_current, address=address, now=now)
    return AuthenticatedCredential(
        pk=row.pk,
        identifier=row.identifier,
        kind=row.kind,
        subject_type=row.subject_type,
        owner_id=row.owner_id,
        organization_id=row.organization_id,
        scopes=row.scopes,
        audience=row.audience,
        token_lifetime=row.token_lifetime,
        generation=row.generation,
        expires_at=row.expires_at,
        organization_default_token_lifetime=row.organization_default_token_lifetime,
        organization_max_token_lifetime=row.organization_max_token_lifetime,
        used_previous_secret=not is_current,
        owner=(
            user_model.from_db(rows.db, owner_columns, found[0][len(_COLUMNS) :])
            if owner_columns and row.owner_id is not None
            else None
        ),
    )


def _reason_to_refuse(
    row: _Row, *, is_current: bool, is_previous: bool, address: str, now: datetime
) -> str | None:
    previous_expires_at = row.previous_secret_expires_at
    is_user = row.subject_type == Credential.SubjectType.USER
    # In the order in which an operator would ask.
    reasons = {
        "wrong_secret": not (is_current or is_previous),
        "previous_secret_expired": not is_current
        and (previous_expires_at is None or previous_expires_at <= now),
        "credential_revoked": row.revoked_at is not None,
        "credential_expired": row.expires_at is not None and row.expires_at <= now,
        "organization_inactive": not row.organization_is_active,
        "owner_gone": is_user and row.owner_id is None,
        "owner_inactive": is_user and not row.owner_is_active,
        "network_not_allowed": bool(row.allowed_networks)
        and not is_within(address, row.allowed_networks),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _record_use(row: _Row, *, used_previous_secret: bool, address: str, now: datetime) -> None:
    before = now - LAST_USED_RESOLUTION
    last_used_at = row.previous_secret_last_used_at if used_previous_secret else row.last_used_at
    if last_used_at is not None and last_used_at > before:
        return
    used: dict[str, datetime] = {"last_used_at": now}
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    using = router.db_for_write(Credential)
    if used_previous_secret:
        used["previous_secret_last_used_at"] = now
        stale = Q(previous_secret_last_used_at=None) | Q(previous_secret_last_used_at__lte=before)
        announce(
            previous_secret_used,
            using=using,
            credential_id=row.pk,
            identifier=row.identifier,
            address=address,
        )
    rows = Credential.objects.using(using).filter(stale, pk=row.pk)
    # After the caller's transaction: a request must not hold this row until it ends.
    transaction.on_commit(partial(_write_use, rows, used), using=using, robust=True)


def _write_use(rows: CredentialQuerySet, used: dict[str, datetime]) -> None:
    try:
        rows.update(**used)
    except DatabaseError as error:  # a read-only connection still authenticates
        log_event(logging.DEBUG, "credential.use_not_recorded", error=type(error).__name__)


class CredentialConflict(Exception):
    """The credential is not, or no longer, in a state that allows what was asked."""


@sensitive_variables("secret")
def rotate(
    credential: Credential,
    *,
    now: datetime,
    overlap: timedelta | None = None,
    compromised: bool = False,
    by: Any = None,
) -> IssuedSecret:
    """Give the credential a new secret; the one before it works on for ``overlap``.

    The default is ``DEFAULT_OVERLAP``, the most ``MAX_OVERLAP``. ``compromised`` ends the previous
    secrets and every token at once. Raises ``ValidationError`` for an overlap out of bounds and
    ``CredentialConflict`` if the credential has ended, was rotated since it was read, or still has
    a previous secret and is not compromised.
    """
    overlap = _overlap(overlap, compromised=compromised)
    _check_rotatable(credential, compromised=compromised, now=now)
    secret = _new_secret(credential.kind, credential.identifier)
    changes: dict[str, Any] = {
        "secret_digest": secret.digest,
        "secret_issued_at": now,
        "previous_secret_digest": credential.secret_digest if overlap else None,
        "previous_secret_expires_at": now + overlap if overlap else None,
        "previous_secret_last_used_at": None,
    }
    if compromised:
        changes["generation"] = F("generation") + 1
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk, revoked_at=None)
        _expect_one(rows.filter(secret_digest=credential.secret_digest).update(**changes))
        credential.refresh_from_db(using=using)
        announce(
            credential_rotated,
            using=using,
            credential=credential,
            by=by,
            overlap=overlap,
            compromised=compromised,
        )
    return IssuedSecret(credential=credential, raw_secret=secret.raw_secret)


def _overlap(overlap: timedelta | None, *, compromised: bool) -> timedelta:
    settings = get_settings()
    if compromised:
        return timedelta(0)
    if overlap is None:
        return min(settings.default_overlap, settings.max_overlap)
    if not timedelta(0) <= overlap <= settings.max_overlap:
        raise ValidationError(
            _("The overlap must be between 0 and %(maximum)d seconds."),
            params={"maximum": settings.max_overlap.total_seconds()},
        )
    return overlap


def _check_rotatable(credential: Credential, *, compromised: bool, now: datetime) -> None:
    if credential.state(now=now) in {State.REVOKED, State.EXPIRED}:
        raise CredentialConflict(_("The credential has ended; issue a new one."))
    if credential.has_previous_secret(now=now) and not compromised:
        raise CredentialConflict(
            _(
                "The previous secret still works until %(until)s. End the overlap first, or "
                "rotate as compromised."
            )
            % {"until": f"{credential.previous_secret_expires_at:%Y-%m-%d %H:%M:%S %Z}"}
        )


def _expect_one(count: int) -> None:
    if count != 1:
        raise CredentialConflict(_("The credential was changed meanwhile. Look again."))


def end_overlap(credential: Credential, *, now: datetime, by: Any = None) -> None:
    """End the previous secret now. Raises ``CredentialConflict`` if there is none any more."""
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(
            pk=credential.pk, previous_secret_expires_at__gt=now
        )
        _expect_one(
            rows.update(
                previous_secret_digest=None,
                previous_secret_expires_at=None,
                previous_secret_last_used_at=None,
            )
        )
        credential.refresh_from_db(using=using)
        announce(credential_overlap_ended, using=using, credential=credential, by=by)


def revoke(credential: Credential, *, now: datetime, reason: str = "", by: Any = None) -> None:
    """End the credential for good: no exchange begins after this, and all its tokens are dead.

    Raises ``ValidationError`` for a reason that cannot be stored and ``CredentialConflict`` if the
    credential has been revoked already.
    """
    credential._meta.get_field("revocation_reason").clean(reason, credential)
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk, revoked_at=None)
        changes = {"revoked_at": now, "revoked_by": by, "revocation_reason": reason}
        if rows.update(**changes) != 1:
            raise CredentialConflict(_("The credential has already been revoked."))
        credential.refresh_from_db(using=using)
        announce(credential_revoked, using=using, credential=credential, by=by, reason=reason)


def revoke_keys_of(owner: Any, *, now: datetime) -> None:
    """Revoke each credential of a user who is about to be deleted."""
    for credential in Credential.objects.on_writer().filter(owner=owner, revoked_at=None):
        with contextlib.suppress(CredentialConflict):  # somebody else was faster
            revoke(credential, reason="The owner was deleted.", now=now)


def invalidate_tokens(credential: AuthenticatedCredential) -> None:
    """End every token of the credential; the credential itself lives on."""
    with transaction.atomic(using=(using := router.db_for_write(Credential))):
        rows = Credential.objects.using(using).filter(pk=credential.pk)
        rows.update(generation=F("generation") + 1)
        announce(
            credential_tokens_invalidated,
            using=using,
            credential_id=credential.pk,
            identifier=credential.identifier,
        )
