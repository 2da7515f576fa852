"""Times of the subjects, and their ratios to the floor.

The subjects take turns with small batches, so that a machine that slows down slows down all of
them. A ratio is the median of the ratios of neighbouring batches.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from children import Child
from plan import Entry

_BATCH_SECONDS = 0.03
_LARGEST_BATCH = 100
_WARM_UP = 40
_QUERY_SAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured of one entry."""

    queries: int | None = None
    seconds: float | None = None
    """The median of a request."""
    time_ratio: float | None = None
    """To the floor, from neighbouring batches."""
    instructions: float | None = None
    instruction_ratio: float | None = None


@dataclass(frozen=True, kw_only=True)
class Runner:
    """An entry with the process that runs it, warm."""

    entry: Entry
    child: Child
    batch: int
    """Requests a turn."""

    @classmethod
    def of(cls, entry: Entry, child: Child) -> Runner:
        """Warm the process up, and choose the size of a batch by what a request takes."""
        runner = cls(entry=entry, child=child, batch=1)
        seconds = runner.turn()
        warm_up = max(1, min(_WARM_UP, int(1 / seconds)))
        seconds = cls(entry=entry, child=child, batch=warm_up).turn()
        batch = max(1, min(_LARGEST_BATCH, int(_BATCH_SECONDS / seconds)))
        return cls(entry=entry, child=child, batch=batch)

    def turn(self) -> float:
        """Run a batch, and return the seconds of the request in the middle."""
        self.child.ask("prepare", step=self.entry.step, count=self.batch)
        return statistics.median(self.child.ask("time"))

    def queries(self) -> int:
        """Return the statements of a request."""
        self.child.ask("prepare", step=self.entry.step, count=_QUERY_SAMPLES)
        count: int = self.child.ask("queries")
        return count


def measure(children: Mapping[Entry, Child], *, rounds: int) -> dict[Entry, Figures]:
    """Measure the entries of an operation, of which the first is the floor, in turns."""
    runners = [Runner.of(entry, child) for entry, child in children.items()]
    turns: list[Sequence[float]] = [[runner.turn() for runner in runners] for _ in range(rounds)]
    return {
        runner.entry: Figures(
            queries=runner.queries(),
            seconds=statistics.median(turn[number] for turn in turns),
            time_ratio=statistics.median(turn[number] / turn[0] for turn in turns),
        )
        for number, runner in enumerate(runners)
    }
