"""How does an operator give a credential a new secret from a shell?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db import router, transaction
from django.utils import timezone

from token_exchange import credentials
from token_exchange.management.arguments import duration, find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.presenting import issued_facts, issued_text
from token_exchange.models import Credential


class Command(OneAnswerCommand):
    """Rotate the secret of an API key or a client app."""

    help = "Give an API key or a client app a new secret and print it, this once."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the identifier, and what becomes of the secret before."""
        parser.add_argument("identifier", metavar="ID", help="Its identifier, or client_id.")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--overlap",
            type=duration,
            metavar="DURATION",
            help="How long the secret before works on, such as 24h; 0 ends it at once.",
        )
        how.add_argument(
            "--compromised",
            action="store_true",
            help="The secret is known to others: end it, and every token, at once.",
        )
        parser.add_argument(
            "--end-overlap",
            action="store_true",
            help="End a previous secret that still works from an earlier rotation, then rotate.",
        )

    def answer(
        self,
        *,
        identifier: str,
        overlap: timedelta | None,
        compromised: bool,
        end_overlap: bool,
        **_: Any,
    ) -> dict[str, Any]:
        """Rotate it."""
        now = timezone.now()
        credential = find_credential(identifier)
        with transaction.atomic(using=router.db_for_write(Credential)):
            if end_overlap and credential.has_previous_secret(now=now):
                credentials.end_overlap(credential, now=now)
            issued = credentials.rotate(
                credential, overlap=overlap, compromised=compromised, now=now
            )
        return issued_facts(issued, now=now)

    def text(self, answer: dict[str, Any]) -> str:
        """Show the secret and how to keep it."""
        return issued_text(answer)
