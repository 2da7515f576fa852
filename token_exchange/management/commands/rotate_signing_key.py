"""The command that rotates the signing key."""

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

    help = "Publish a new signing key. It starts signing once verifiers have had time to fetch it."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add ``--all-new``."""
        parser.add_argument(
            "--all-new",
            action="store_true",
            help="Sign with the new key immediately and remove all others, which revokes every "
            "token. Use this in a copied database, or if all keys leaked.",
        )

    def answer(self, *, all_new: bool, **_: Any) -> dict[str, Any]:
        """Rotate the signing key."""
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
        """Return the new key, and when it starts signing."""
        others = (
            "All other keys are removed." if answer["all_new"] else "The current key retires then."
        )
        lines = [
            f"Published the {answer['algorithm']} key {answer['kid']}.",
            f"It starts signing at {answer['signs_from']}. {others}",
        ]
        if not answer["signs_now"]:
            lines.append(
                "No token can be signed until then: the current key cannot be decrypted. To sign "
                "with the new key immediately, run remove_signing_key with the current key's ID. "
                "That revokes the current key's tokens."
            )
        return "\n".join(lines)
