"""The command that purges expired rows, with a progress bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click
from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.issuer.purging import PurgeProgress, purge_expired
from token_exchange.management.arguments import add_time_budget
from token_exchange.management.base import OneAnswerCommand, counted


class Command(OneAnswerCommand):
    """Delete expired tokens and revocations, old audit events and old counts."""

    help = (
        "Delete tokens that expired longer than TOKEN_RETENTION ago, expired revocations, audit "
        "events older than AUDIT_RETENTION, and exchange counts older than 15 days."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        add_time_budget(parser)

    def answer(self, *, time_budget_seconds: float, json: bool, **_: Any) -> dict[str, Any]:
        """Delete the rows, with a progress bar on a terminal."""
        with _progress_bar(is_shown=sys.stderr.isatty() and not json) as show:
            purged = purge_expired(
                now=timezone.now(), time_budget_seconds=time_budget_seconds, on_progress=show
            )
        return {
            "deleted": purged.tokens,
            "revocations_deleted": purged.revocations,
            "audit_events_deleted": purged.audit_events,
            "hourly_counts_deleted": purged.hourly_counts,
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return how many rows were deleted."""
        return (
            f"Deleted {counted(answer['deleted'], 'expired token')}, "
            f"{counted(answer['revocations_deleted'], 'expired revocation')}, "
            f"{counted(answer['audit_events_deleted'], 'old audit event')} and "
            f"{counted(answer['hourly_counts_deleted'], 'old hourly count')}."
        )


@contextmanager
def _progress_bar(*, is_shown: bool) -> Iterator[Callable[[PurgeProgress], None]]:
    """Provide a function that shows the progress, or one that does nothing."""
    with ExitStack() as stack:
        bars: dict[str, Any] = {}

        def show(progress: PurgeProgress) -> None:
            if progress.what not in bars:  # the first report has the length
                stack.close()  # closes the previous bar
                length = progress.last_pk - progress.first_pk + 1
                label = f"Purging {progress.what}"
                bar = click.progressbar(length=length, label=label, file=sys.stderr)
                bars[progress.what] = stack.enter_context(bar)
            bar = bars[progress.what]
            bar.update(progress.reached_pk - progress.first_pk + 1 - bar.pos)

        yield show if is_shown else lambda progress: None
