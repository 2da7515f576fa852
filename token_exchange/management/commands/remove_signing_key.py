"""How does an operator end a signing key that leaked from a shell?"""

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

    help = "Refuse a signing key that leaked, and every token it signed, at once and for good."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the key's id."""
        parser.add_argument("kid", metavar="KID", help="Its id, as list_signing_keys shows it.")

    def answer(self, *, kid: str, **_: Any) -> dict[str, Any]:
        """Remove it."""
        now = timezone.now()
        heir = signing_keys.remove_signing_key(kid, act=Act(now=now, origin=shell_origin()))
        return {
            "kid": kid,
            "removed_at": iso(now),
            "signing_kid": heir.kid,
            "signs_now": signing_keys.is_readable(heir),
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Say what stopped, and what signs now."""
        lines = [
            f"Removed the key {answer['kid']}; every token that it signed is refused.",
            f"The key {answer['signing_kid']} signs now.",
        ]
        if not answer["signs_now"]:
            lines[1] = (
                f"Nothing is signed: the key {answer['signing_kid']} cannot be decrypted. "
                "Restore the secret it was made with, or remove it as well."
            )
        return "\n".join(lines)
