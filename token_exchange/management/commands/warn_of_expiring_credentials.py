"""The command that notifies about expiring credentials and secrets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.management.arguments import add_time_budget
from token_exchange.management.base import OneAnswerCommand, counted
from token_exchange.observability.notifications import warn


class Command(OneAnswerCommand):
    """Notify about expiring credentials, and about previous secrets that are still in use."""

    help = (
        "Notify once, by signal, log and (with WARNING_RECIPIENTS) e-mail, about credentials that "
        "expire within EXPIRY_WARNINGS and about previous secrets that are still in use. Retry "
        "e-mails that failed before, including those about leaks."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        add_time_budget(parser)

    def answer(self, *, time_budget_seconds: float, **_: Any) -> dict[str, Any]:
        """Send the notifications that are due."""
        return asdict(warn(now=timezone.now(), time_budget_seconds=time_budget_seconds))

    def text(self, answer: dict[str, Any]) -> str:
        """Return how many there were."""
        return (
            f"Warned about {counted(answer['expiring'], 'expiring credential')} and "
            f"{counted(answer['previous_secrets'], 'active previous secret')}. "
            f"Sent {counted(answer['mails'], 'e-mail')}."
        )

    def failure(self, answer: dict[str, Any]) -> str:
        """Return how many e-mails failed."""
        failed = answer["failed_mails"]
        if not failed:
            return ""
        return f"{counted(failed, 'e-mail')} failed (see the log). The next run retries."
