"""How does an operator give a credential a new secret from a shell?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from token_exchange.conf import get_settings
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.management.arguments import duration, find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import (
    credential_facts,
    in_words,
    issued_facts,
    issued_text,
    seconds,
)
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import Credential
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Rotate the secret of an API key or a client app."""

    help = "Give an API key or a client app a new secret and print it, this once."
    issued: IssuedSecret

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
        how.add_argument(
            "--end-overlap",
            action="store_true",
            help="Do not rotate: only end the secret from before the last rotation.",
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
        """Rotate it, or end its overlap."""
        now = timezone.now()
        credential = find_credential(identifier)
        if end_overlap:
            _end_overlap(credential, now=now)
            return credential_facts(credential, now=now)
        _check(overlap)
        self.issued = credentials.rotate(
            credential,
            overlap=overlap,
            compromised=compromised,
            act=Act(now=now, origin=shell_origin()),
        )
        return issued_facts(self.issued, now=now)

    def text(self, answer: dict[str, Any]) -> str:
        """Show the secret and how to keep it, or say that the one before it has ended."""
        if {"key", "client_secret"}.isdisjoint(answer):
            return f"Ended the previous secret of {answer['identifier']}; the current one works on."
        return issued_text(self.issued, answer)


def _end_overlap(credential: Credential, *, now: datetime) -> None:
    if not credential.has_previous_secret(now=now):
        raise CommandError("There is no overlap to end: no previous secret works any more.")
    credentials.end_overlap(credential, act=Act(now=now, origin=shell_origin()))


def _check(overlap: timedelta | None) -> None:
    longest = get_settings().max_overlap
    if overlap is not None and overlap > longest:
        raise CommandError(
            f"--overlap: {in_words(overlap)} is more than {in_words(longest)} "
            f"({seconds(longest)} seconds), which TOKEN_EXCHANGE['MAX_OVERLAP'] allows."
        )
