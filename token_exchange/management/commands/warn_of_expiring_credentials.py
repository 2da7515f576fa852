"""How does cron warn of what ends soon?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.management.arguments import add_time_budget
from token_exchange.management.base import OneAnswerCommand
from token_exchange.observability.notifications import warn


class Command(OneAnswerCommand):
    """Warn of credentials that expire, and of previous secrets that are still in use."""

    help = (
        "Tell by signal, log and, where WARNING_RECIPIENTS says to whom, e-mail of credentials "
        "that expire within EXPIRY_WARNINGS and of previous secrets that are still in use; each "
        "once. Tries again the e-mails that failed before, those of leaks too."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        add_time_budget(parser)

    def answer(self, *, time_budget_seconds: float, **_: Any) -> dict[str, Any]:
        """Warn of them."""
        return asdict(warn(now=timezone.now(), time_budget_seconds=time_budget_seconds))

    def text(self, answer: dict[str, Any]) -> str:
        """Say of how many."""
        return (
            f"Warned of {answer['expiring']} credentials that expire and of "
            f"{answer['previous_secrets']} previous secrets in use; sent {answer['mails']} e-mails."
        )

    def complaint(self, answer: dict[str, Any]) -> str:
        """Complain of e-mails that were not sent."""
        failed = answer["failed_mails"]
        if not failed:
            return ""
        return f"{failed} e-mails failed, as the log says; the next run tries them again."
