"""What do the counts and the tables say of a stretch of time, and of some organizations?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from token_exchange.models import AccessToken, Credential, HourlyCount
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange.models.credential_state import State
from token_exchange.observability.exchange_counts import SUCCESSES

ROWS: Final = 10
"""How many rows each list of the dashboard has."""

TOKEN_LIMIT: Final = 10_000
"""Tokens are counted no further."""

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is looked at."""

    now: datetime
    hours: int
    """How many, the current one with them."""
    organizations: Sequence[Any] | None = None
    """Their primary keys; ``None`` for all, and for what belongs to none that is known."""
    identifier: str = ""
    """Of the one credential, if it is one."""
    kinds: tuple[str, ...] = ()
    """The kinds of credentials that may be named."""

    def begins(self) -> list[datetime]:
        """Return when each hour begins, in UTC, the oldest first."""
        current = self.now.replace(minute=0, second=0, microsecond=0)
        return [current - number * _HOUR for number in reversed(range(self.hours))]

    def counts(self) -> QuerySet[HourlyCount]:
        """Return the counts of these hours and organizations, of each credential and of all."""
        # Hour by hour, and not from one on: each is a short stretch of the index.
        rows = HourlyCount.objects.filter(hour__in=self.begins())
        if self.organizations is None:
            return rows
        return rows.filter(organization__in=[str(each) for each in self.organizations])

    def credentials(self) -> CredentialQuerySet[Credential]:
        """Return the credentials that may be named."""
        return self.owners_of_tokens().filter(kind__in=self.kinds)

    def owners_of_tokens(self) -> CredentialQuerySet[Credential]:
        """Return the credentials whose tokens are counted, also those that may not be named."""
        rows: CredentialQuerySet[Credential] = Credential.objects.all()
        if self.identifier:
            rows = rows.filter(identifier=self.identifier)
        return (
            rows if self.organizations is None else rows.filter(organization__in=self.organizations)
        )


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many exchanges there were, and how many of them succeeded."""

    succeeded: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.succeeded + self.refused

    @property
    def rate(self) -> float | None:
        """The part that succeeded, from 0 to 1; ``None`` of none."""
        return self.succeeded / self.total if self.total else None


class Hour(NamedTuple):
    """One hour of a series."""

    begins_at: datetime
    tally: Tally


class TopCredential(NamedTuple):
    """A credential that is used much."""

    identifier: str
    credential: Credential | None
    """``None`` where it may not be named, or is gone."""
    tally: Tally


def series(selection: Selection) -> tuple[list[Hour], Counter[str]]:
    """Return each hour, and how often each reason refused an exchange: one query."""
    rows = selection.counts().filter(identifier=selection.identifier)
    found = rows.values_list("hour", "outcome").annotate(number=Sum("count")).order_by()
    succeeded: Counter[datetime] = Counter()
    refused: Counter[datetime] = Counter()
    reasons: Counter[str] = Counter()
    for hour, outcome, number in found:
        if outcome in SUCCESSES:
            succeeded[hour] += number
        else:
            refused[hour] += number
            reasons[outcome] += number
    begins = selection.begins()
    hours = [Hour(at, Tally(succeeded=succeeded[at], refused=refused[at])) for at in begins]
    return hours, reasons


def whole(hours: Sequence[Hour]) -> Tally:
    """Return the sum of a series."""
    return Tally(
        succeeded=sum(each.tally.succeeded for each in hours),
        refused=sum(each.tally.refused for each in hours),
    )


def top_credentials(selection: Selection) -> list[TopCredential]:
    """Return the credentials with the most exchanges, refused ones with them: two queries."""
    succeeded = Coalesce(Sum("count", filter=Q(outcome__in=SUCCESSES)), 0)
    found = (
        selection.counts()
        .filter(identifier__gt="")
        .values_list("identifier")
        .annotate(total=Sum("count"), succeeded=succeeded)
        .order_by("-total", "identifier")[:ROWS]
    )
    tallies = {
        identifier: Tally(succeeded=succeeded, refused=total - succeeded)
        for identifier, total, succeeded in found
    }
    named = _named(selection, tallies)
    return [TopCredential(each, named.get(each), tally) for each, tally in tallies.items()]


def _named(selection: Selection, tallies: Mapping[str, Tally]) -> dict[str, Credential]:
    rows = selection.credentials().filter(identifier__in=list(tallies))
    return {each.identifier: each for each in rows.only("kind", "identifier", "name")}


def live_tokens(selection: Selection) -> int:
    """Return how many tokens work now, counted to one over ``TOKEN_LIMIT``: one query."""
    rows = AccessToken.objects.live(now=selection.now)
    if selection.organizations is None and not selection.identifier:
        # Along the index: those that have expired long ago may be many more.
        rows = rows.order_by("-expires_at")
    else:
        # By a query of their own: joined, PostgreSQL begins with the tokens of all the others.
        rows = rows.filter(credential__in=selection.owners_of_tokens()).order_by()
    return rows.values("pk")[: TOKEN_LIMIT + 1].count()


def expiring(selection: Selection) -> list[Credential]:
    """Return the credentials that end next, one more than are shown: one query."""
    rows = selection.credentials().in_state(State.EXPIRING, now=selection.now)
    return list(rows.order_by("expires_at", "pk")[: ROWS + 1])


def previous_secrets_in_use(selection: Selection) -> list[Credential]:
    """Return whose clients still use a secret that ends soon, one more than are shown."""
    rows = selection.credentials().in_state(State.ROTATING, now=selection.now)
    in_use = rows.filter(previous_secret_last_used_at__isnull=False)
    return list(in_use.order_by("previous_secret_expires_at", "pk")[: ROWS + 1])
