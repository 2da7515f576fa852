"""Look-up of a stored credential by its identifier: one compiled SELECT."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import OuterRef, Subquery

from token_exchange.database.compiled_queries import ComposedSelect, Parameter
from token_exchange.models import AccessToken, Credential, parents
from token_exchange_core import process_state


class StoredCredential(NamedTuple):
    """What authentication reads of a credential's row, and what comes along with it."""

    pk: int
    kind: str
    identifier: str
    organization_id: Any
    organization__is_active: bool | None
    """``None`` if ``ORGANIZATION_MANAGER`` hides it."""
    organization__default_token_lifetime: timedelta | None
    organization__max_token_lifetime: timedelta | None
    scopes: list[str]
    audience: list[str]
    token_lifetime: timedelta | None
    allowed_networks: list[str]
    secret_version: int
    generation: int
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    secret_digest: str
    previous_secret_digest: str | None
    previous_secret_expires_at: datetime | None
    previous_secret_last_used_at: datetime | None
    # For an API key only.
    subject_type: str = Credential.SubjectType.ORGANIZATION
    owner_id: Any = None
    owner_is_active: bool | None = None
    """``None`` if there is no owner, or none that ``USER_MANAGER`` shows."""
    # Only where find() was asked for them.
    owner: Any = None
    token: str | None = None


_COLUMNS: Final = (
    "pk",
    "kind",
    "identifier",
    "organization_id",
    "organization__is_active",
    "organization__default_token_lifetime",
    "organization__max_token_lifetime",
    "scopes",
    "audience",
    "token_lifetime",
    "allowed_networks",
    "secret_version",
    "generation",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "secret_digest",
    "previous_secret_digest",
    "previous_secret_expires_at",
    "previous_secret_last_used_at",
)
"""The columns of the SELECT, in the order of ``StoredCredential``'s first fields."""
_OWNER_COLUMNS: Final = ("subject_type", "owner_id", "owner_is_active")
"""Follow the others for an API key. A constraint says what they are for a client app."""

_COLUMNS_OF: Final[dict[str, tuple[str, ...]]] = {
    Credential.Kind.API_KEY: _COLUMNS + _OWNER_COLUMNS,
    Credential.Kind.CLIENT_APP: _COLUMNS,
}


def find(
    *, kind: str, identifier: str, load_owner: bool = False, token_until: datetime | None = None
) -> StoredCredential | None:
    """Return the credential by one SELECT on the writer, or ``None`` if there is none.

    With ``load_owner`` the same SELECT brings the owning user, with ``token_until`` the newest
    token, unsigned, that may be re-used and expires after that time.
    """
    using = router.db_for_write(Credential)
    user_columns = _user_columns() if load_owner else ()
    select = _select(kind, user_columns, with_token=token_until is not None)
    found = select.first(using=using, identifier=identifier, token_until=token_until)
    if found is None:
        return None
    count = len(_COLUMNS_OF[kind])
    row, more = StoredCredential(*found[:count]), found[count:]
    if row.kind != kind:
        return None
    if token_until is not None:
        return row._replace(token=more[0])
    if load_owner and row.owner_id is not None:
        return row._replace(owner=get_user_model().from_db(using, user_columns, more))
    return row


@process_state.cached
def _select(kind: str, user_columns: tuple[str, ...], *, with_token: bool) -> ComposedSelect:
    return ComposedSelect(partial(_rows, kind, user_columns, with_token=with_token))


def _rows(kind: str, user_columns: tuple[str, ...], *, with_token: bool) -> Any:
    identifier = Parameter("identifier", Credential._meta.get_field("identifier"))
    rows: Any = Credential.objects.filter(identifier=identifier)
    names = [*_COLUMNS_OF[kind], *(f"owner__{name}" for name in user_columns)]
    if "owner_is_active" in names:
        rows = rows.annotate(owner_is_active=parents.activity_of_owner())
    if (is_active := parents.activity_of_organization()) is not None:
        rows = rows.annotate(organization_is_active=is_active)
        names[names.index("organization__is_active")] = "organization_is_active"
    if with_token:
        rows = rows.annotate(newest_token=Subquery(_signing_inputs()))
        names.append("newest_token")
    return rows.values_list(*names)


def _signing_inputs() -> Any:
    return AccessToken.objects.signing_inputs(
        credential=OuterRef("pk"),
        generation=OuterRef("generation"),
        until=Parameter("token_until", AccessToken._meta.get_field("expires_at")),
    )


def _user_columns() -> tuple[str, ...]:
    return tuple(each.attname for each in get_user_model()._meta.concrete_fields)
