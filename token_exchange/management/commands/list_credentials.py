"""The command that lists credentials."""

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

    help = "List API keys and client apps, without secrets and digests."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the filters."""
        parser.add_argument(
            "--organization", metavar="SLUG", help="Only those of this organization."
        )
        parser.add_argument(
            "--kind", choices=Credential.Kind.values, help="Only those of this kind."
        )
        parser.add_argument(
            "--state",
            choices=[str(each) for each in State],
            help="Only those in this state. A credential can be in several, such as rotating and "
            "expiring.",
        )
        parser.add_argument(
            "--limit", type=positive_number, metavar="N", help="Show only the N newest."
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
        """Return the credentials, oldest first; with ``limit``, the newest ones."""
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
        """Return a table."""
        listed = [row | {"states": ", ".join(row["states"])} for row in answer["credentials"]]
        rows = [[row[column] for column in _COLUMNS] for row in listed]
        return table([column.replace("_", " ") for column in _COLUMNS], rows)
