"""How are warnings given, each of them once?"""

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
from token_exchange.observability.notifications.due import ToldAlready
from token_exchange.observability.notifications.email import MailFailed, mail, wants_mail
from token_exchange.observability.notifications.messages import Notice
from token_exchange.signals import announce, credential_expiring, previous_secret_still_used
from token_exchange_core.event_log import log_event

FAILURES_IN_A_ROW: Final = 3
"""After so many mails that failed the server is taken to be away, until the next run."""

_Due: TypeAlias = Iterator[Credential]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """What a run has told."""

    expiring: int
    """Credentials that end soon."""
    previous_secrets: int
    """Those that are still in use, and end soon."""
    mails: int
    failed_mails: int
    """Which the next run tries again."""


class _Mail(NamedTuple):
    """A kind of notice: how to find who gets it, and what it says."""

    find: Callable[..., _Due]
    told: str
    notice: Callable[[Credential], Notice]


_MAILS: Final = (
    _Mail(due.leaked, "end_mailed_at", messages.leaked),
    _Mail(
        due.with_previous_secret_in_use,
        "previous_secret_mailed_at",
        messages.previous_secret_in_use,
    ),
    _Mail(due.expiring, "end_mailed_at", messages.expiring),
)


def warn(*, now: datetime, time_budget_seconds: float = float("inf")) -> Warned:
    """Tell of all that ends soon and has not been told of; return how much that was.

    Signals and lines of the log come once at each threshold; so do e-mails, unless the mail server
    fails: then again at the next run. Two runs at once, or one that is killed, tell nothing twice;
    a run that is killed may leave the one warning that it was at untold. Stops after
    ``time_budget_seconds``; what is left waits for the next run.
    """
    stop_at = time.monotonic() + time_budget_seconds
    in_time = partial(takewhile, lambda _: time.monotonic() < stop_at)
    expiring = _announce(
        in_time(due.expiring("expiry_warned_at", now=now)),
        _announce_expiring,
        told="expiry_warned_at",
        now=now,
    )
    previous = _announce(
        in_time(due.with_previous_secret_in_use("previous_secret_warned_at", now=now)),
        _announce_previous_secret,
        told="previous_secret_warned_at",
        now=now,
    )
    sent, failed = _mail(in_time(_due_mails(now=now)), now=now) if wants_mail() else (0, 0)
    return Warned(expiring=expiring, previous_secrets=previous, mails=sent, failed_mails=failed)


def mail_leaked(credentials: Iterable[Credential], *, now: datetime) -> None:
    """Tell the owners of leaked credentials by e-mail.

    The first failure ends it, for somebody waits: the next ``warn`` tells the rest.
    """
    if wants_mail():
        with suppress(MailFailed):
            for credential in credentials:
                with suppress(ToldAlready):
                    mail(credential, messages.leaked, told="end_mailed_at", now=now)


def _announce(credentials: _Due, tell: Callable[..., None], *, told: str, now: datetime) -> int:
    count = 0
    using = router.db_for_write(Credential)
    for credential in credentials:
        with suppress(ToldAlready):
            due.claim(credential, told, now=now)
            tell(credential, using=using)
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
    """Find every mail that is due, the most urgent first."""
    return chain.from_iterable(
        ((credential, kind) for credential in kind.find(kind.told, now=now)) for kind in _MAILS
    )


def _mail(mails: Iterator[tuple[Credential, _Mail]], *, now: datetime) -> tuple[int, int]:
    sent = failed = in_a_row = 0
    for credential, kind in mails:
        try:
            sent += mail(credential, kind.notice, told=kind.told, now=now)
            in_a_row = 0
        except MailFailed:
            failed, in_a_row = failed + 1, in_a_row + 1
            if in_a_row == FAILURES_IN_A_ROW:
                break
        except ToldAlready:
            continue
    return sent, failed
