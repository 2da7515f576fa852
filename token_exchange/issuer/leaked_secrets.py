"""Revocation of credentials whose secrets were found where they don't belong."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from django.db import router, transaction
from django.db.models import Q

from token_exchange.conf import get_settings
from token_exchange.database.retries import retried
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.issuer.credentials.secret_match import SecretMatch, match_secret
from token_exchange.models import Credential
from token_exchange.observability import notifications
from token_exchange.observability.audit import Act
from token_exchange.signals import announce, credential_leaked
from token_exchange_core import secret_strings
from token_exchange_core.errors import InvalidClient
from token_exchange_core.event_log import log_event

REASON: Final = "Reported as leaked."
"""The reason of these revocations. It is stored, so it is not translated."""


class Candidate(NamedTuple):
    """A string with the shape and checksum of one of our secrets, without its text."""

    kind: str
    identifier: str
    digest: str


def revoke_leaked(candidates: set[Candidate], *, now: datetime, origin: str) -> list[Credential]:
    """Revoke and return each credential that has one of the candidates as its secret.

    The secret must be the current one, or the previous one during an overlap; an identifier alone
    revokes nothing. Without candidates there is no query, and otherwise one SELECT for all. Each
    credential is revoked in a transaction of its own, which locks the feed and then one row, as
    every revocation does. Then what was created with it is revoked, and what was only rotated with
    it gets a new secret, which nobody sees. The owners of leaked credentials are notified by e-mail
    after the commit.
    """
    if not candidates:
        return []
    leaked = _leaked_credentials(candidates, now=now)
    live = [each for each in leaked if each.revoked_at is None]
    # An earlier report may have failed at what comes after the revocation.
    revoked_before = [each for each in leaked if each.revoked_at is not None]
    revoked = [each for each in live if _revoke(each, candidates, now=now, origin=origin)]
    try:
        for each in [*revoked, *revoked_before]:
            credentials.end_descendants(each, act=Act(now=now, origin=origin))
    finally:
        send_mail = partial(notifications.mail_leaked, revoked, now=now)
        transaction.on_commit(send_mail, using=router.db_for_write(Credential), robust=True)
    return revoked


def parse_reported(raw_strings: Iterable[str]) -> set[Candidate]:
    """Return the strings that can be secrets, without their texts."""
    settings = get_settings()
    candidates = set()
    for each in raw_strings:
        raw_string = each.strip()
        with suppress(InvalidClient):
            secret = secret_strings.parse_secret(raw_string, prefix=settings.api_key_string_prefix)
            candidates.add(Candidate(Credential.Kind.API_KEY, secret.identifier, secret.digest))
        with suppress(InvalidClient):
            prefix = settings.client_secret_string_prefix
            secret = secret_strings.parse_secret(raw_string, prefix=prefix)
            # A client secret contains the ID of its client ID, but not that one's checksum.
            client = f"{settings.client_id_string_prefix}{secret.identifier[len(prefix) :]}"
            client_id = secret_strings.client_id_of(client)
            candidates.add(Candidate(Credential.Kind.CLIENT_APP, client_id, secret.digest))
    return candidates


def _leaked_credentials(candidates: set[Candidate], *, now: datetime) -> list[Credential]:
    identifiers = sorted({each.identifier for each in candidates})
    is_open = Q(revoked_at=None) | Q(revocation_cause=Credential.RevocationCause.LEAK)
    rows = Credential.objects.on_writer().filter(is_open, identifier__in=identifiers)
    stored = {row.identifier: row for row in rows.select_related("organization", "owner")}
    # Every candidate is compared, so that an unknown identifier takes as long as a wrong secret.
    leaked = {
        row.pk: row
        for each in candidates
        if _is_secret_of(row := stored.get(each.identifier), each, now=now) and row is not None
    }
    return [leaked[pk] for pk in sorted(leaked)]


def _is_secret_of(row: Credential | None, candidate: Candidate, *, now: datetime) -> bool:
    match = match_secret(row, candidate.digest, now=now)
    is_valid = match in {SecretMatch.CURRENT, SecretMatch.PREVIOUS}
    return is_valid and row is not None and row.kind == candidate.kind


class _SecretReplaced(Exception):
    """The secret that leaked was replaced after the credential was read."""


@retried
def _revoke(
    credential: Credential, candidates: set[Candidate], *, now: datetime, origin: str
) -> bool:
    """Revoke the credential and return true, unless it was revoked or got another secret first."""
    using = router.db_for_write(Credential)
    # Revoking locks and re-reads the row; only then is it certain which secrets it has.
    with suppress(CredentialConflict, _SecretReplaced), transaction.atomic(using=using):
        credentials.revoke(
            credential,
            cause=Credential.RevocationCause.LEAK,
            keep_descendants=True,
            act=Act(now=now, origin=origin, reason=REASON),
        )
        if not any(
            _is_secret_of(credential, each, now=now)
            for each in candidates
            if each.identifier == credential.identifier
        ):
            raise _SecretReplaced
        transaction.on_commit(partial(_log, credential, origin), using=using, robust=True)
        announce(credential_leaked, using=using, credential=credential, origin=origin)
        return True
    return False


def _log(credential: Credential, origin: str) -> None:
    log_event(
        logging.WARNING, "credential.leaked", identifier=credential.identifier, address=origin
    )
