"""The command that revokes a credential."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.management.arguments import add_keep_descendants, find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import (
    credential_facts,
    descendants_text,
    ended_facts,
    iso,
    kept_facts,
)
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import Credential
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Revoke an API key or a client app."""

    revoked_before: bool
    help = "Revoke an API key or a client app and all its tokens. This cannot be undone."

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
        self.revoked_before = credential.revoked_at is not None
        if not self.revoked_before:
            credentials.revoke(credential, keep_descendants=True, act=act)
        descendants = (
            kept_facts(credential, now=now)
            if keep_descendants
            else ended_facts(credentials.end_descendants(credential, act=act))
        )
        if self.revoked_before and (keep_descendants or not descendants):
            raise CommandError(_already(credential))
        return credential_facts(credential, now=now) | descendants

    def text(self, answer: dict[str, Any]) -> str:
        """Return what was revoked."""
        identifier = answer["identifier"]
        revoked = f"Revoked {identifier} and its tokens."
        if self.revoked_before:
            revoked = f"{identifier} was already revoked."
        return "\n".join([revoked, *descendants_text(answer)])


def _already(credential: Credential) -> str:
    reason = credential.revocation_reason
    why = f"with the reason {reason!r}" if reason else "without a reason"
    return f"This credential was already revoked at {iso(credential.revoked_at)}, {why}."
