"""Does everybody learn of what is revoked?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_exchange.issuer import revocation_feed
from token_exchange.management.doctor.findings import Fault, Finding, error, ok
from token_exchange.models import Revocation, RevocationFeed
from token_exchange.models.revocation import EPOCH_LENGTH
from token_exchange_core.revocation_set import RevocationKind
from token_exchange_core.secret_strings import random_text

_MOST_EXAMINED: Final = 10_000
# Whoever counts a little later shall not miss what has just expired.
_LIVES_ON: Final = timedelta(minutes=1)


def examine(now: datetime) -> Iterator[Finding]:
    """Hold the rows against the one that counts them, and against what a follower makes of them."""
    position = RevocationFeed.objects.on_writer().values_list("position", flat=True).first()
    yield _counter(position)
    rows = Revocation.objects.on_writer().filter(expires_at__gt=now + _LIVES_ON)
    live = list(rows.order_by("-position").values_list("pk", "kind")[: _MOST_EXAMINED + 1])
    yield _kinds({pk: kind for pk, kind in live if kind not in set(RevocationKind)})
    yield _followed(len(revocation_feed.revocations()), of=len(live))


def _counter(position: int | None) -> Finding:
    rows = Revocation.objects.on_writer().order_by("-position").values_list("position", flat=True)
    last = rows.first()
    if position is None and last is not None:
        raise Fault(
            error(
                "The feed has rows and no counter, so nobody learns of them: what was revoked "
                "is accepted.",
                _in_dbshell(
                    "INSERT INTO {feed} (id, epoch, position) "
                    "SELECT {pk}, '{epoch}', MAX(position) FROM {rows};"
                ),
            )
        )
    if position is not None and last is not None and last > position:
        return error(
            f"The counter stands at {position}, behind a row at {last}, as after a restore or an "
            "edit by hand: whoever follows the feed may miss what is revoked next.",
            _in_dbshell(
                "UPDATE {feed} SET epoch = '{epoch}', "
                "position = (SELECT MAX(position) FROM {rows});"
            ),
        )
    return ok("Nothing was ever revoked." if position is None else f"It stands at {position}.")


def _in_dbshell(statement: str) -> str:
    # A new epoch makes everybody read the whole feed anew.
    written = statement.format(
        feed=RevocationFeed._meta.db_table,
        rows=Revocation._meta.db_table,
        pk=RevocationFeed.ONLY_PK,
        epoch=random_text(EPOCH_LENGTH),
    )
    return f"Run in manage.py dbshell: {written}"


def _kinds(strange: dict[int, str]) -> Finding:
    if not strange:
        return ok("Each row is of a kind that this version knows.")
    shown = ", ".join(f"{kind!r} (id {pk})" for pk, kind in list(strange.items())[:3])
    raise Fault(
        error(
            f"{len(strange)} rows are of a kind that nobody knows, and no bearer token can be "
            f"verified: {shown}.",
            "If a newer version of token_exchange wrote them, let every process run that one; "
            f"else delete them from {Revocation._meta.db_table}.",
        )
    )


def _followed(known: int, *, of: int) -> Finding:
    if known < of:
        return error(
            f"Of {_count(of)} live revocations, a follower learns of {known} only: "
            "some have a position that nobody reads.",
            _in_dbshell(
                "UPDATE {rows} SET position = 1 WHERE position < 1; "
                "UPDATE {feed} SET epoch = '{epoch}', position = position + 1;"
            ),
        )
    return ok(f"A follower learns of every live revocation, {_count(of)} in all.")


def _count(rows: int) -> str:
    return f"more than {_MOST_EXAMINED}" if rows > _MOST_EXAMINED else str(rows)
