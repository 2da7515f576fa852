"""How does an operator publish a new signing key from a shell?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.issuer import signing_keys
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import iso
from token_exchange.management.shell_origin import shell_origin
from token_exchange.models import SigningKey
from token_exchange.models.signing_key import KeyState
from token_exchange.observability.audit import Act


class Command(OneAnswerCommand):
    """Rotate the signing key."""

    help = "Publish a new signing key, which signs once every verifier can have fetched it."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the way to end all other keys."""
        parser.add_argument(
            "--all-new",
            action="store_true",
            help="Sign with it at once and refuse all other keys: every token dies. For a database "
            "that was copied to another environment, or if all keys leaked.",
        )

    def answer(self, *, all_new: bool, **_: Any) -> dict[str, Any]:
        """Rotate it."""
        now = timezone.now()
        key = signing_keys.rotate_signing_key(
            all_new=all_new, act=Act(now=now, origin=shell_origin())
        )
        current = [
            each
            for each in SigningKey.objects.on_writer().published(now=now)
            if each.state(now=now) == KeyState.CURRENT
        ]
        return {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "signs_from": iso(key.activates_at),
            "all_new": all_new,
            "signs_now": all(map(signing_keys.is_readable, current[-1:])),
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Say what it is and from when it signs."""
        others = "All other keys are removed." if answer["all_new"] else "The others retire then."
        lines = [
            f"Published the {answer['algorithm']} key {answer['kid']}.",
            f"It signs from {answer['signs_from']}. {others}",
        ]
        if not answer["signs_now"]:
            lines.append(
                "Nothing is signed until then: the key of today cannot be decrypted. "
                "After remove_signing_key with that key's id the new one signs at once, and the "
                "tokens of the other are refused."
            )
        return "\n".join(lines)
