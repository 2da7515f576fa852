"""Examination of the revocation feed: its position, its rows, and what a follower reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_exchange.database.blocking_sessions import session_writing_to
from token_exchange.issuer import revocation_feed
from token_exchange.management.doctor.findings import ExaminationFailed, Finding, error, ok
from token_exchange.models import Revocation, RevocationFeed
from token_exchange.models.feed_counter import EPOCH_LENGTH, MARK_LENGTH
from token_exchange.models.revocation_writer import FEED_WAIT_SECONDS
from token_exchange_core.revocation_set import RevocationKind
from token_exchange_core.secret_strings import random_text

_MOST_EXAMINED: Final = 10_000
# Leaves a margin, so that rows expiring during the count do not matter.
_MARGIN: Final = timedelta(minutes=1)


def examine(now: datetime) -> Iterator[Finding]:
    """Compare the rows with the feed's position and with what this process reads as a follower."""
    position = RevocationFeed.objects.on_writer().values_list("position", flat=True).first()
    yield _position(position)
    yield from _open_transaction()
    rows = Revocation.objects.on_writer().filter(expires_at__gt=now + _MARGIN)
    live = list(rows.order_by("-position").values_list("pk", "kind")[: _MOST_EXAMINED + 1])
    yield _kinds({pk: kind for pk, kind in live if kind not in set(RevocationKind)})
    yield _followed(len(revocation_feed.revocations()), of=len(live))


def _position(position: int | None) -> Finding:
    rows = Revocation.objects.on_writer().order_by("-position").values_list("position", flat=True)
    last = rows.first()
    if position is None and last is not None:
        raise ExaminationFailed(
            error(
                "The feed has rows but no position, so no follower reads them: revoked tokens "
                "are accepted.",
                _in_dbshell(
                    "INSERT INTO {feed} (id, epoch, position, mark) "
                    "SELECT {pk}, '{epoch}', MAX(position), '{mark}' FROM {rows};"
                ),
            )
        )
    if position is not None and last is not None and last > position:
        return error(
            f"The feed's position is {position}, but a row has position {last} (after a restore or "
            "a manual change): followers may miss the next revocations.",
            _in_dbshell(
                "UPDATE {feed} SET epoch = '{epoch}', "
                "position = (SELECT MAX(position) FROM {rows});"
            ),
        )
    return ok(
        "Nothing has been revoked yet." if not position else f"The feed's position is {position}."
    )


def _open_transaction() -> Iterator[Finding]:
    """Report a transaction that has locked the feed for longer than a revocation waits."""
    rows = RevocationFeed.objects.on_writer()
    session = session_writing_to(RevocationFeed._meta.db_table, using=rows.db)
    longest = timedelta(seconds=FEED_WAIT_SECONDS)
    if session is not None and (session.open_for or longest) >= longest:
        yield error("A transaction holds the feed, so nothing can be revoked.", str(session))


def _in_dbshell(statement: str) -> str:
    # With a new epoch, every follower reads the whole feed again.
    written = statement.format(
        feed=RevocationFeed._meta.db_table,
        rows=Revocation._meta.db_table,
        pk=RevocationFeed.ONLY_PK,
        epoch=random_text(EPOCH_LENGTH),
        mark=random_text(MARK_LENGTH),
    )
    return f"Run in manage.py dbshell: {written}"


def _kinds(unknown: dict[int, str]) -> Finding:
    if not unknown:
        return ok("This version knows the kind of every row.")
    shown = ", ".join(f"{kind!r} (id {pk})" for pk, kind in list(unknown.items())[:3])
    raise ExaminationFailed(
        error(
            f"{len(unknown)} rows have an unknown kind, so no bearer token can be verified: "
            f"{shown}.",
            "If a newer version of token_exchange wrote them, upgrade every process to that "
            f"version. Otherwise delete them from {Revocation._meta.db_table}.",
        )
    )


def _followed(known: int, *, of: int) -> Finding:
    if known < of:
        return error(
            f"A follower reads only {known} of {_count(of)} live revocations: the others have a "
            "position below 1.",
            _in_dbshell(
                "UPDATE {rows} SET position = 1 WHERE position < 1; "
                "UPDATE {feed} SET epoch = '{epoch}', position = position + 1;"
            ),
        )
    return ok(f"A follower reads every live revocation ({_count(of)}).")


def _count(rows: int) -> str:
    return f"more than {_MOST_EXAMINED}" if rows > _MOST_EXAMINED else str(rows)
