"""Reads the hourly counts from the database."""

from __future__ import annotations

from token_exchange.models import HourlyCount


def rows() -> dict[tuple[str, str, str], int]:
    """Return the counts of all hours, by organization, identifier and outcome."""
    names = ("organization", "identifier", "outcome", "count")
    found: dict[tuple[str, str, str], int] = {}
    for organization, identifier, outcome, count in HourlyCount.objects.values_list(*names):
        key = (organization, identifier, outcome)
        found[key] = found.get(key, 0) + count
    return found


def of(issued: object, outcome: str, count: int) -> dict[tuple[str, str, str], int]:
    """Return the rows of a credential, and of its organization without other credentials."""
    credential = issued.credential  # type: ignore[attr-defined]
    organization = str(credential.organization_id)
    return {
        (organization, credential.identifier, outcome): count,
        (organization, "", outcome): count,
    }
