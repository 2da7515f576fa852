"""How does an operator part with an old ``SECRET_KEY`` from a shell?"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from token_exchange.issuer import signing_keys
from token_exchange.management.base import OneAnswerCommand


class Command(OneAnswerCommand):
    """Encrypt the signing keys anew."""

    help = "Encrypt the private halves of the signing keys with the newest secret."

    def answer(self, **_: Any) -> dict[str, Any]:
        """Encrypt them."""
        done = signing_keys.reencrypt_signing_keys(now=timezone.now())
        return {
            "reencrypted": list(done.reencrypted),
            "unchanged": list(done.unchanged),
            "unreadable": list(done.unreadable),
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Say how many, and whether older secrets may go."""
        now, before = len(answer["reencrypted"]), len(answer["unchanged"])
        lines = [f"Keys encrypted with the newest secret: {now} now, {before} before."]
        lines += [f"Cannot be decrypted: {kid}" for kid in answer["unreadable"]]
        if answer["unreadable"]:
            lines.append(
                "Bring back the secret that encrypted it as a fallback, and run this again."
            )
        else:
            lines.append("No signing key needs an older secret any more.")
        return "\n".join(lines)
