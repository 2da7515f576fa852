"""The command that revokes a credential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.management.arguments import add_keep_descendants, find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import (
    credential_facts,
    descendants_text,
    ended_facts,
    kept_facts,
    reveal_all,
)
from token_exchange.management.shell_origin import shell_origin
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Revoke an API key or a client app."""

    help = "Revoke an API key or a client app and all its tokens. This cannot be undone."

    rotated: Sequence[IssuedSecret] = ()

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the identifier and the reason."""
        parser.add_argument("identifier", metavar="ID", help="Its identifier or client_id.")
        parser.add_argument(
            "--reason",
            default="",
            help="The reason, up to 255 characters.",
        )
        add_keep_descendants(parser)

    def answer(
        self, *, identifier: str, reason: str, keep_descendants: bool, **_: Any
    ) -> dict[str, Any]:
        """Revoke the credential, and what was created with it, also if that was kept before."""
        now = timezone.now()
        credential = find_credential(identifier)
        act = Act(now=now, origin=shell_origin(), reason=reason)
        is_revoked = credential.revoked_at is not None
        if not is_revoked:
            credentials.revoke(credential, keep_descendants=True, act=act)
        if keep_descendants:
            descendants = kept_facts(credential, now=now)
        else:
            ended = credentials.end_descendants(credential, act=act)
            self.rotated, descendants = ended.rotated, ended_facts(ended)
        facts = credential_facts(credential, now=now)
        return {**facts, **descendants, "was_revoked_before": is_revoked}

    def reveal(self, shown: str) -> str:
        """Put the new secrets of what was rotated in place of their stand-ins."""
        return reveal_all(shown, self.rotated)

    def text(self, answer: dict[str, Any]) -> str:
        """Return what was revoked, now or before."""
        revoked = f"Revoked {answer['identifier']} and its tokens."
        if answer["was_revoked_before"]:
            revoked = f"{answer['identifier']} was already revoked at {answer['revoked_at']}."
        return "\n".join([revoked, *descendants_text(answer)])
