"""The command that rotates a credential's secret, or ends an overlap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.management.arguments import add_keep_descendants, duration, find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import (
    credential_facts,
    descendants_text,
    ended_facts,
    issued_facts,
    issued_text,
    kept_facts,
    reveal_all,
)
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import Credential
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Rotate the secret of an API key or a client app."""

    help = "Rotate an API key or a client secret and print the new secret (shown once)."
    issued: IssuedSecret | None = None
    rotated: Sequence[IssuedSecret] = ()

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the identifier, and what happens to the previous secret."""
        parser.add_argument("identifier", metavar="ID", help="Its identifier or client_id.")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--overlap",
            type=duration,
            metavar="DURATION",
            help="How long the previous secret keeps working, such as 24h. 0 stops it immediately.",
        )
        how.add_argument(
            "--compromised",
            action="store_true",
            help="The secret leaked: stop it and revoke every token immediately.",
        )
        how.add_argument(
            "--end-overlap",
            action="store_true",
            help="Do not rotate. Stop the secret from before the last rotation.",
        )
        add_keep_descendants(parser, more=" Only with --compromised.")

    def answer(
        self,
        *,
        identifier: str,
        overlap: timedelta | None,
        compromised: bool,
        end_overlap: bool,
        keep_descendants: bool,
        **_: Any,
    ) -> dict[str, Any]:
        """Rotate the secret, or end the overlap."""
        if keep_descendants and not compromised:
            raise CommandError("--keep-descendants needs --compromised.")
        now = timezone.now()
        credential = find_credential(identifier)
        if end_overlap:
            _end_overlap(credential, now=now)
            return credential_facts(credential, now=now)
        act = Act(now=now, origin=shell_origin())
        self.issued = credentials.rotate(
            credential, overlap=overlap, compromised=compromised, keep_descendants=True, act=act
        )
        facts = issued_facts(self.issued, now=now)
        if keep_descendants:
            return facts | kept_facts(credential, now=now)
        if compromised:
            ended = credentials.end_descendants(credential, act=act)
            self.rotated = ended.rotated
            return facts | ended_facts(ended)
        return facts

    def text(self, answer: dict[str, Any]) -> str:
        """Return the new secret's stand-in, or that the previous one was stopped."""
        if self.issued is None:
            identifier = answer["identifier"]
            return f"Stopped the previous secret of {identifier}. The current one keeps working."
        return "\n".join([issued_text(self.issued, answer), *descendants_text(answer)])

    def reveal(self, shown: str) -> str:
        """Put the new secrets in place of their stand-ins."""
        own = [] if self.issued is None else [self.issued]
        return reveal_all(shown, [*own, *self.rotated])


def _end_overlap(credential: Credential, *, now: datetime) -> None:
    if not credential.has_previous_secret(now=now):
        raise CommandError(
            "There is no overlap to end: the credential has no active previous secret."
        )
    credentials.end_overlap(credential, act=Act(now=now, origin=shell_origin()))
