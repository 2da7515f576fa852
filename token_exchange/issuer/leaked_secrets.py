"""Which credentials do these strings open, which somebody has found, and how do they end?"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from token_exchange.conf import get_settings
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import Credential
from token_exchange.observability import notifications
from token_exchange.observability.audit import Act
from token_exchange.signals import announce, credential_leaked
from token_exchange_core import secret_strings
from token_exchange_core.errors import InvalidClient
from token_exchange_core.event_log import log_event
from token_exchange_core.secret_strings import NO_DIGEST, same_digest

REASON: Final = "Reported as leaked."
"""The reason of these revocations. It is stored, so it is not translated."""


class _Found(NamedTuple):
    """A string that has the shape and the checksum of a secret of ours."""

    kind: str
    identifier: str
    digest: str


@sensitive_variables()
def revoke_leaked(raw_strings: Iterable[str], *, now: datetime, origin: str) -> list[Credential]:
    """Revoke each credential of which a full secret is among the strings; return them.

    The secret must be the current one, or the previous one while it lives; an identifier alone
    opens nothing and ends nothing. What can be no secret is passed over before the database is
    asked; all others cost one SELECT, whatever they are. Each credential ends in a transaction of
    its own, which holds the feed and then one row, as every revocation does. Afterwards its owners
    get their e-mail.
    """
    found = _recognise(raw_strings)
    if not found:
        return []
    opened = _opened(found, now=now)
    revoked = [each for each in opened if _revoke(each, found, now=now, origin=origin)]
    told = partial(notifications.mail_leaked, revoked, now=now)
    transaction.on_commit(told, using=router.db_for_write(Credential), robust=True)
    return revoked


@sensitive_variables()
def _recognise(raw_strings: Iterable[str]) -> set[_Found]:
    settings = get_settings()
    found = set()
    for each in raw_strings:
        raw_string = each.strip()
        with suppress(InvalidClient):
            secret = secret_strings.parse_secret(raw_string, prefix=settings.api_key_string_prefix)
            found.add(_Found(Credential.Kind.API_KEY, secret.identifier, secret.digest))
        with suppress(InvalidClient):
            prefix = settings.client_secret_string_prefix
            secret = secret_strings.parse_secret(raw_string, prefix=prefix)
            # It repeats the id of its client id, whose checksum follows from that.
            client = f"{settings.client_id_string_prefix}{secret.identifier[len(prefix) :]}"
            client_id = secret_strings.client_id_of(client)
            found.add(_Found(Credential.Kind.CLIENT_APP, client_id, secret.digest))
    return found


@sensitive_variables()
def _opened(found: set[_Found], *, now: datetime) -> list[Credential]:
    identifiers = sorted({each.identifier for each in found})
    rows = Credential.objects.on_writer().filter(identifier__in=identifiers, revoked_at=None)
    stored = {row.identifier: row for row in rows.select_related("organization", "owner")}
    # Each is compared, also with nothing, so that one that is unknown costs what a wrong one does.
    opened = {
        row.pk: row
        for each in found
        if _opens(each, row := stored.get(each.identifier), now=now) and row is not None
    }
    return [opened[pk] for pk in sorted(opened)]


@sensitive_variables()
def _opens(found: _Found, row: Credential | None, *, now: datetime) -> bool:
    is_current = same_digest(row.secret_digest if row else NO_DIGEST, found.digest)
    previous = row.previous_secret_digest if row else None
    is_previous = same_digest(previous or NO_DIGEST, found.digest)
    if row is None or row.kind != found.kind:
        return False
    return is_current or (is_previous and row.has_previous_secret(now=now))


class _AnotherSecret(Exception):
    """It has been given another secret meanwhile, and that one did not leak."""


@sensitive_variables()
def _revoke(credential: Credential, found: set[_Found], *, now: datetime, origin: str) -> bool:
    """Revoke it, and tell whether nobody was faster."""
    using = router.db_for_write(Credential)
    # What revokes locks the row before it reads it again: only then is it certain what opens it.
    with suppress(CredentialConflict, _AnotherSecret), transaction.atomic(using=using):
        credentials.revoke(
            credential,
            cause=Credential.RevocationCause.LEAK,
            act=Act(now=now, origin=origin, reason=REASON),
        )
        if not any(
            _opens(each, credential, now=now)
            for each in found
            if each.identifier == credential.identifier
        ):
            raise _AnotherSecret
        transaction.on_commit(partial(_log, credential, origin), using=using, robust=True)
        announce(credential_leaked, using=using, credential=credential, origin=origin)
        return True
    return False


def _log(credential: Credential, origin: str) -> None:
    log_event(
        logging.WARNING, "credential.leaked", identifier=credential.identifier, address=origin
    )
