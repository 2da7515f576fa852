"""Sends every notification that is due: one announcement and one e-mail for each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, takewhile
from typing import Any, Final, NamedTuple, TypeAlias

from django.db import router, transaction

from token_exchange.models import Credential
from token_exchange.observability.notifications import due, messages
from token_exchange.observability.notifications.due import AlreadyClaimed
from token_exchange.observability.notifications.email import MailFailed, is_email_enabled, mail
from token_exchange.observability.notifications.messages import Message
from token_exchange.signals import announce, credential_expiring, previous_secret_still_used
from token_exchange_core.event_log import log_event

FAILURES_IN_A_ROW: Final = 3
"""After so many failed e-mails the server counts as unreachable until the next run."""

_Due: TypeAlias = Iterator[Credential]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationCounts:
    """The numbers of notifications in a run."""

    expiring: int
    """Credentials that expire soon."""
    previous_secrets: int
    """Previous secrets that are still in use and expire soon."""
    mails: int
    failed_mails: int
    """The next run retries these."""


class _Mail(NamedTuple):
    """A kind of e-mail: its query, the column of its claim, and its text."""

    find: Callable[..., _Due]
    column: str
    compose: Callable[[Credential], Message]


_MAILS: Final = (
    _Mail(due.leaked, "end_mailed_at", messages.leaked),
    _Mail(
        due.with_previous_secret_in_use,
        "previous_secret_mailed_at",
        messages.previous_secret_in_use,
    ),
    _Mail(due.expiring, "end_mailed_at", messages.expiring),
)


def warn(*, now: datetime, time_budget_seconds: float = float("inf")) -> NotificationCounts:
    """Send every notification that is due; return the numbers.

    Each threshold gives one signal, one log event and one e-mail; a failed e-mail is retried in the
    next run. Simultaneous or killed runs send nothing twice, but a killed run may lose the
    notification it was sending. Stops after ``time_budget_seconds``; the next run does the rest.
    """
    stop_at = time.monotonic() + time_budget_seconds
    in_time = partial(takewhile, lambda _: time.monotonic() < stop_at)
    expiring = _announce_all(
        in_time(due.expiring("expiry_warned_at", now=now)),
        _announce_expiring,
        column="expiry_warned_at",
        now=now,
    )
    previous = _announce_all(
        in_time(due.with_previous_secret_in_use("previous_secret_warned_at", now=now)),
        _announce_previous_secret,
        column="previous_secret_warned_at",
        now=now,
    )
    sent, failed = _mail(in_time(_due_mails(now=now)), now=now) if is_email_enabled() else (0, 0)
    return NotificationCounts(
        expiring=expiring, previous_secrets=previous, mails=sent, failed_mails=failed
    )


def mail_leaked(credentials: Iterable[Credential], *, now: datetime) -> None:
    """Send e-mails to the owners of leaked credentials.

    Stops at the first failure, because a request is waiting; the next ``warn`` sends the rest.
    """
    if is_email_enabled():
        with suppress(MailFailed):
            for credential in credentials:
                with suppress(AlreadyClaimed):
                    mail(credential, messages.leaked, column="end_mailed_at", now=now)


def _announce_all(
    credentials: _Due, announce_one: Callable[..., None], *, column: str, now: datetime
) -> int:
    count = 0
    using = router.db_for_write(Credential)
    for credential in credentials:
        with suppress(AlreadyClaimed):
            due.claim(credential, column, now=now)
            announce_one(credential, using=using)
            count += 1
    return count


def _announce_expiring(credential: Credential, *, using: str) -> None:
    transaction.on_commit(partial(_log_expiring, credential), using=using, robust=True)
    announce(
        credential_expiring, using=using, credential=credential, expires_at=credential.expires_at
    )


def _announce_previous_secret(credential: Credential, *, using: str) -> None:
    transaction.on_commit(partial(_log_previous_secret, credential), using=using, robust=True)
    announce(
        previous_secret_still_used,
        using=using,
        credential=credential,
        last_used_at=credential.previous_secret_last_used_at,
        address=credential.previous_secret_last_used_from,
        ends_at=credential.previous_secret_expires_at,
    )


def _log_expiring(credential: Credential) -> None:
    log_event(
        logging.WARNING,
        "credential.expiring",
        expires_at=_iso(credential.expires_at),
        **_facts(credential),
    )


def _log_previous_secret(credential: Credential) -> None:
    log_event(
        logging.WARNING,
        "credential.previous_secret_still_used",
        ends_at=_iso(credential.previous_secret_expires_at),
        last_used_at=_iso(credential.previous_secret_last_used_at),
        address=credential.previous_secret_last_used_from,
        **_facts(credential),
    )


def _facts(credential: Credential) -> dict[str, Any]:
    organization = str(credential.organization_id)
    return {"organization": organization, "identifier": credential.identifier}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _due_mails(*, now: datetime) -> Iterator[tuple[Credential, _Mail]]:
    """Yield every e-mail that is due, the most urgent first."""
    return chain.from_iterable(
        ((credential, kind) for credential in kind.find(kind.column, now=now)) for kind in _MAILS
    )


def _mail(mails: Iterator[tuple[Credential, _Mail]], *, now: datetime) -> tuple[int, int]:
    sent = failed = in_a_row = 0
    for credential, kind in mails:
        try:
            sent += mail(credential, kind.compose, column=kind.column, now=now)
            in_a_row = 0
        except MailFailed:
            failed, in_a_row = failed + 1, in_a_row + 1
            if in_a_row == FAILURES_IN_A_ROW:
                break
        except AlreadyClaimed:
            continue
    return sent, failed
