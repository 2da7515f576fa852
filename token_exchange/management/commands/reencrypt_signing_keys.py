"""The command that encrypts the signing keys with the newest secret."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from token_exchange.issuer import signing_keys
from token_exchange.management.base import OneAnswerCommand


class Command(OneAnswerCommand):
    """Encrypt the signing keys with the newest secret."""

    help = "Encrypt the private signing keys with the newest secret. Then remove older secrets."

    def answer(self, **_: Any) -> dict[str, Any]:
        """Encrypt the keys."""
        done = signing_keys.reencrypt_signing_keys(now=timezone.now())
        return {
            "reencrypted": list(done.reencrypted),
            "unchanged": list(done.unchanged),
            "unreadable": list(done.unreadable),
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return the numbers of keys, and whether older secrets can be removed."""
        now, before = len(answer["reencrypted"]), len(answer["unchanged"])
        lines = [f"Keys encrypted with the newest secret: {now} now, {before} already."]
        lines += [f"Cannot be decrypted: {kid}" for kid in answer["unreadable"]]
        if answer["unreadable"]:
            lines.append(
                "Add the secret that encrypted it to the fallbacks, and run this command again."
            )
        else:
            lines.append("No signing key needs an older secret now. You can remove the fallbacks.")
        return "\n".join(lines)
