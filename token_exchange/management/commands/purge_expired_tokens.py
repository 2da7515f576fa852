"""How does an operator purge what has expired from a shell, and see how far it is?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import click
from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.management.arguments import positive_duration
from token_exchange.management.base import OneAnswerCommand
from token_exchange.purging import PurgeProgress, purge_expired


class Command(OneAnswerCommand):
    """Purge expired tokens and revocations."""

    help = (
        "Delete tokens that expired longer ago than TOKEN_RETENTION, and revocations of tokens "
        "that have all expired."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        parser.add_argument(
            "--time-budget",
            type=positive_duration,
            metavar="DURATION",
            help="Stop after this long, such as 5m; what is left waits for the next run.",
        )

    def answer(self, *, time_budget: timedelta | None, json: bool, **_: Any) -> dict[str, Any]:
        """Purge them, with a progress bar where a person looks on."""
        budget = float("inf") if time_budget is None else time_budget.total_seconds()
        with _progress_bar(is_shown=sys.stderr.isatty() and not json) as show:
            purged = purge_expired(now=timezone.now(), time_budget_seconds=budget, on_progress=show)
        return {"deleted": purged.tokens, "revocations_deleted": purged.revocations}

    def text(self, answer: dict[str, Any]) -> str:
        """Say how many."""
        tokens, revocations = answer["deleted"], answer["revocations_deleted"]
        return f"Deleted {tokens} expired tokens and {revocations} expired revocations."


@contextmanager
def _progress_bar(*, is_shown: bool) -> Iterator[Callable[[PurgeProgress], None]]:
    """Lend a function that shows the progress, or one that shows nothing."""
    with ExitStack() as stack:
        bars: list[Any] = []

        def show(progress: PurgeProgress) -> None:
            if not bars:  # how long it is, the first report tells
                length = progress.last_pk - progress.first_pk + 1
                bar = click.progressbar(length=length, label="Purging", file=sys.stderr)
                bars.append(stack.enter_context(bar))
            bars[0].update(progress.reached_pk - progress.first_pk + 1 - bars[0].pos)

        yield show if is_shown else lambda progress: None
