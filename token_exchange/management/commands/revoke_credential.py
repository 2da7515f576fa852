"""The command that revokes a credential."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.management.arguments import find_credential
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import credential_facts, iso
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import Credential
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Revoke an API key or a client app."""

    help = "Revoke an API key or a client app and all its tokens. This cannot be undone."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the identifier and the reason."""
        parser.add_argument("identifier", metavar="ID", help="Its identifier or client_id.")
        parser.add_argument(
            "--reason",
            default="",
            help="The reason, up to 255 characters.",
        )

    def answer(self, *, identifier: str, reason: str, **_: Any) -> dict[str, Any]:
        """Revoke the credential."""
        now = timezone.now()
        credential = find_credential(identifier)
        if credential.revoked_at is not None:
            raise CommandError(_already(credential))
        credentials.revoke(credential, act=Act(now=now, origin=shell_origin(), reason=reason))
        return credential_facts(credential, now=now)

    def text(self, answer: dict[str, Any]) -> str:
        """Return what was revoked."""
        return f"Revoked {answer['identifier']} and its tokens."


def _already(credential: Credential) -> str:
    reason = credential.revocation_reason
    why = f"with the reason {reason!r}" if reason else "without a reason"
    return f"This credential was already revoked at {iso(credential.revoked_at)}, {why}."
