"""The dashboard's queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from token_exchange.models import AccessToken, Credential, HourlyCount
from token_exchange.models.credential_queryset import CredentialQuerySet
from token_exchange.models.credential_state import State
from token_exchange.models.organization import Pk
from token_exchange.observability.exchange_counts import SUCCESSES

ROW_LIMIT: Final = 10
"""How many rows each table of the dashboard shows."""

TOKEN_LIMIT: Final = 10_000
"""Live tokens are counted up to this number."""

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class DashboardFilter:
    """The time, the organizations and the credential that the dashboard shows."""

    now: datetime
    hours: int
    """The number of hours, including the current one."""
    organizations: Sequence[Pk] | None = None
    """Their primary keys; ``None`` for all, including exchanges of no known organization."""
    identifier: str = ""
    """The identifier of a single credential, if there is one."""
    kinds: tuple[str, ...] = ()
    """The kinds of credentials that the user may see."""

    def hour_starts(self) -> list[datetime]:
        """Return the start of each hour in UTC, the oldest first."""
        current = self.now.replace(minute=0, second=0, microsecond=0)
        return [current - number * _HOUR for number in reversed(range(self.hours))]

    def counts(self) -> QuerySet[HourlyCount]:
        """Return the counts of these hours and organizations, per credential and in total."""
        # An IN of hours, because each is a short range of the index.
        rows = HourlyCount.objects.filter(hour__in=self.hour_starts())
        if self.organizations is None:
            return rows
        return rows.filter(organization__in=[str(each) for each in self.organizations])

    def credentials(self) -> CredentialQuerySet[Credential]:
        """Return the credentials that the user may see."""
        return self.token_credentials().filter(kind__in=self.kinds)

    def token_credentials(self) -> CredentialQuerySet[Credential]:
        """Return the credentials whose tokens are counted, visible to the user or not."""
        rows: CredentialQuerySet[Credential] = Credential.objects.all()
        if self.identifier:
            rows = rows.filter(identifier=self.identifier)
        return (
            rows if self.organizations is None else rows.filter(organization__in=self.organizations)
        )


@dataclass(frozen=True, kw_only=True)
class OutcomeCounts:
    """How many exchanges succeeded, and how many were refused."""

    succeeded: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """The number of all exchanges."""
        return self.succeeded + self.refused

    @property
    def rate(self) -> float | None:
        """The success rate from 0 to 1, or ``None`` without exchanges."""
        return self.succeeded / self.total if self.total else None


class Hour(NamedTuple):
    """The exchanges of one hour."""

    starts_at: datetime
    counts: OutcomeCounts


class TopCredential(NamedTuple):
    """One of the most used credentials."""

    identifier: str
    credential: Credential | None
    """``None`` if it is deleted, or if the user may not see it."""
    counts: OutcomeCounts


def hours_and_reasons(selection: DashboardFilter) -> tuple[list[Hour], Counter[str]]:
    """Return each hour, and the number of refusals by reason; one query."""
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
    hour_starts = selection.hour_starts()
    hours = [
        Hour(at, OutcomeCounts(succeeded=succeeded[at], refused=refused[at])) for at in hour_starts
    ]
    return hours, reasons


def total(hours: Sequence[Hour]) -> OutcomeCounts:
    """Return the sum over all hours."""
    return OutcomeCounts(
        succeeded=sum(each.counts.succeeded for each in hours),
        refused=sum(each.counts.refused for each in hours),
    )


def top_credentials(selection: DashboardFilter) -> list[TopCredential]:
    """Return the credentials with the most exchanges, refused ones included; two queries."""
    succeeded = Coalesce(Sum("count", filter=Q(outcome__in=SUCCESSES)), 0)
    found = (
        selection.counts()
        .filter(identifier__gt="")
        .values_list("identifier")
        .annotate(total=Sum("count"), succeeded=succeeded)
        .order_by("-total", "identifier")[:ROW_LIMIT]
    )
    counts_by_identifier = {
        identifier: OutcomeCounts(succeeded=succeeded, refused=total - succeeded)
        for identifier, total, succeeded in found
    }
    credentials = _visible_credentials(selection, counts_by_identifier)
    return [
        TopCredential(each, credentials.get(each), counts)
        for each, counts in counts_by_identifier.items()
    ]


def _visible_credentials(
    selection: DashboardFilter, counts_by_identifier: Mapping[str, OutcomeCounts]
) -> dict[str, Credential]:
    rows = selection.credentials().filter(identifier__in=list(counts_by_identifier))
    return {each.identifier: each for each in rows.only("kind", "identifier", "name")}


def live_tokens(selection: DashboardFilter) -> int:
    """Return the number of live tokens, at most one over ``TOKEN_LIMIT``; one query."""
    rows = AccessToken.objects.live(now=selection.now)
    if selection.organizations is None and not selection.identifier:
        # Along the index, because there may be many more expired tokens.
        rows = rows.order_by("-expires_at")
    else:
        # A subquery, because with a join PostgreSQL starts from the tokens of all credentials.
        rows = rows.filter(credential__in=selection.token_credentials()).order_by()
    return rows.values("pk")[: TOKEN_LIMIT + 1].count()


def expiring(selection: DashboardFilter) -> list[Credential]:
    """Return the credentials that expire next, one more than are shown; one query."""
    rows = selection.credentials().in_state(State.EXPIRING, now=selection.now)
    return list(rows.order_by("expires_at", "pk")[: ROW_LIMIT + 1])


def previous_secrets_in_use(selection: DashboardFilter) -> list[Credential]:
    """Return the credentials whose previous secret is still used, one more than are shown."""
    rows = selection.credentials().in_state(State.ROTATING, now=selection.now)
    in_use = rows.filter(previous_secret_last_used_at__isnull=False)
    return list(in_use.order_by("previous_secret_expires_at", "pk")[: ROW_LIMIT + 1])
