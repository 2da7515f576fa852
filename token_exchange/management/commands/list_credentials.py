"""Which credentials does an operator see from a shell?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.management.arguments import find_organization, positive_number
from token_exchange.management.base import OneAnswerCommand, table
from token_exchange.management.output import credential_facts
from token_exchange.models import Credential
from token_exchange.models.credential_state import State

_COLUMNS = ("identifier", "kind", "states", "organization", "name", "last_used_at", "expires_at")


class Command(OneAnswerCommand):
    """List API keys and client apps."""

    help = "List API keys and client apps; never a secret or its digest."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add what the list can be narrowed by."""
        parser.add_argument("--organization", metavar="SLUG", help="Only those of this one.")
        parser.add_argument("--kind", choices=Credential.Kind.values, help="Only this kind.")
        parser.add_argument(
            "--state",
            choices=[str(each) for each in State],
            help="Only these; a credential can be rotating and expiring at once.",
        )
        parser.add_argument(
            "--limit", type=positive_number, metavar="N", help="No more than the N newest of them."
        )

    def answer(
        self,
        *,
        organization: str | None,
        kind: str | None,
        state: str | None,
        limit: int | None,
        **_: Any,
    ) -> dict[str, Any]:
        """Find them, the oldest first, or of more than ``limit`` the newest ones."""
        now = timezone.now()
        found = Credential.objects.select_related("organization", "owner").order_by("pk")
        if organization is not None:
            found = found.filter(organization_id=find_organization(organization).pk)
        if kind is not None:
            found = found.filter(kind=kind)
        if state is not None:
            found = found.in_state(State(state), now=now)
        if limit is None:
            rows = found.iterator(chunk_size=2000)
        else:
            rows = iter(found.reverse()[:limit][::-1])
        return {"credentials": [credential_facts(each, now=now) for each in rows]}

    def text(self, answer: dict[str, Any]) -> str:
        """Show a table."""
        listed = [row | {"states": ", ".join(row["states"])} for row in answer["credentials"]]
        rows = [[row[column] for column in _COLUMNS] for row in listed]
        return table([column.replace("_", " ") for column in _COLUMNS], rows)
