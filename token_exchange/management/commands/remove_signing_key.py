"""The command that removes a leaked signing key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.issuer import signing_keys
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import iso
from token_exchange.management.shell_origin import shell_origin
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Remove a signing key."""

    help = (
        "Remove a leaked signing key. Every token that it signed is refused immediately. This "
        "cannot be undone."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the key's ID."""
        parser.add_argument("kid", metavar="KID", help="The key's ID, as in list_signing_keys.")

    def answer(self, *, kid: str, **_: Any) -> dict[str, Any]:
        """Remove the key."""
        now = timezone.now()
        successor = signing_keys.remove_signing_key(kid, act=Act(now=now, origin=shell_origin()))
        return {
            "kid": kid,
            "removed_at": iso(now),
            "signing_kid": successor.kid,
            "signs_now": signing_keys.is_readable(successor),
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return what was removed, and which key signs now."""
        lines = [
            f"Removed the key {answer['kid']}. Every token that it signed is now refused.",
            f"The key {answer['signing_kid']} signs new tokens.",
        ]
        if not answer["signs_now"]:
            lines[1] = (
                f"No token can be signed: the key {answer['signing_kid']} cannot be decrypted. "
                "Restore the secret that encrypted it, or remove this key, too."
            )
        return "\n".join(lines)
