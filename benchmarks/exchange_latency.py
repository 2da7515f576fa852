"""Latency of exchanges before and during a purge."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from children import Child

_BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The seconds of each exchange, and what the purge answered."""

    before: list[float]
    during: list[float]
    purge: dict[str, Any]

    @property
    def p99(self) -> str:
        """The time within which 99 of 100 ended, before and during the purge."""
        before, during = (
            statistics.quantiles(seconds, n=100)[-1] * 1e3 for seconds in (self.before, self.during)
        )
        return (
            f"99 of 100 exchanges took at most {before:,.2f} ms before the purge and "
            f"{during:,.2f} ms during it ({len(self.during):,} exchanges)"
        )


def exchange_beside(purging: Child, exchanging: Child, *, before: int) -> Beside:
    """Make at least ``before`` exchanges, and go on with them for as long as a purge takes."""
    _exchange(exchanging)
    calm: list[float] = []
    while len(calm) < before:
        calm += _exchange(exchanging)
    purging.tell("purge", purge="purge")
    during: list[float] = []
    while not purging.has_answered():
        during += _exchange(exchanging)
    return Beside(before=calm, during=during, purge=purging.hear())


def _exchange(child: Child) -> list[float]:
    child.ask("prepare", step="exchange", count=_BATCH)
    seconds: list[float] = child.ask("time")
    return seconds
