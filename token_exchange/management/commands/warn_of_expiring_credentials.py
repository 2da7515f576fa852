"""How does cron warn of what ends soon?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.management.arguments import positive_duration
from token_exchange.management.base import OneAnswerCommand
from token_exchange.warning import warn


class Command(OneAnswerCommand):
    """Warn of credentials that expire, and of previous secrets that are still in use."""

    help = (
        "Tell by signal, log and, where WARNING_RECIPIENTS says to whom, e-mail of credentials "
        "that expire within EXPIRY_WARNINGS and of previous secrets that are still in use; each "
        "once. Tries again the e-mails that failed before, those of leaks too."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        parser.add_argument(
            "--time-budget",
            type=positive_duration,
            metavar="DURATION",
            help="Stop after this long, such as 5m; what is left waits for the next run.",
        )

    def answer(self, *, time_budget: timedelta | None, **_: Any) -> dict[str, Any]:
        """Warn of them."""
        budget = float("inf") if time_budget is None else time_budget.total_seconds()
        return asdict(warn(now=timezone.now(), time_budget_seconds=budget))

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
