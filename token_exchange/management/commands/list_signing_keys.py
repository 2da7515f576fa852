"""The command that lists signing keys."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from token_exchange.management.base import OneAnswerCommand, table
from token_exchange.management.output import iso
from token_exchange.models import SigningKey

_COLUMNS = ("kid", "algorithm", "state", "published_at", "signs_from", "signs_until", "removed_at")


class Command(OneAnswerCommand):
    """List the signing keys."""

    help = "List the signing keys, oldest first, without private keys."

    def answer(self, **_: Any) -> dict[str, Any]:
        """Return the keys, oldest first."""
        now = timezone.now()
        return {
            "signing_keys": [
                {
                    "kid": key.kid,
                    "algorithm": key.algorithm,
                    "state": str(key.state(now=now)),
                    "published_at": iso(key.published_at),
                    "signs_from": iso(key.activates_at),
                    "signs_until": iso(key.retires_at),
                    "removed_at": iso(key.removed_at),
                }
                for key in SigningKey.objects.on_writer().order_by("sequence")
            ]
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return a table."""
        rows = [[row[column] for column in _COLUMNS] for row in answer["signing_keys"]]
        return table([column.replace("_", " ") for column in _COLUMNS], rows)
