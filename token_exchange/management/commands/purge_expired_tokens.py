"""How does an operator purge what has expired from a shell, and see how far it is?"""

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
from token_exchange.management.base import OneAnswerCommand


class Command(OneAnswerCommand):
    """Purge expired tokens and revocations, old audit events and old counts."""

    help = (
        "Delete tokens that expired longer ago than TOKEN_RETENTION, revocations of tokens that "
        "have all expired, audit events older than AUDIT_RETENTION, and counts of exchanges older "
        "than 15 days."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the time budget."""
        add_time_budget(parser)

    def answer(self, *, time_budget_seconds: float, json: bool, **_: Any) -> dict[str, Any]:
        """Purge them, with a progress bar where a person looks on."""
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
        """Say how many."""
        return (
            f"Deleted {answer['deleted']} expired tokens, "
            f"{answer['revocations_deleted']} expired revocations, "
            f"{answer['audit_events_deleted']} old audit events and "
            f"{answer['hourly_counts_deleted']} old hourly counts."
        )


@contextmanager
def _progress_bar(*, is_shown: bool) -> Iterator[Callable[[PurgeProgress], None]]:
    """Lend a function that shows the progress, or one that shows nothing."""
    with ExitStack() as stack:
        bars: dict[str, Any] = {}

        def show(progress: PurgeProgress) -> None:
            if progress.what not in bars:  # how long it is, the first report tells
                stack.close()  # the one before
                length = progress.last_pk - progress.first_pk + 1
                label = f"Purging {progress.what}"
                bar = click.progressbar(length=length, label=label, file=sys.stderr)
                bars[progress.what] = stack.enter_context(bar)
            bar = bars[progress.what]
            bar.update(progress.reached_pk - progress.first_pk + 1 - bar.pos)

        yield show if is_shown else lambda progress: None
