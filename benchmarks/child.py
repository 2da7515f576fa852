"""Program of a subject's process.

It reads one JSON object per line and answers with one. Only sending is timed or counted; the
command before it creates the requests.
"""

from __future__ import annotations

import cProfile
import gc
import importlib
import io
import json
import os
import pstats
import statistics
import sys
import time
from typing import Any

import django
from django.conf import settings
from subjects.memory import forget_peak_memory, peak_memory
from subjects.projects import PROJECTS, Surroundings, settings_of

_PROFILE_LINES = 25


class Child:
    """One subject, set up."""

    def __init__(self, project: str, surroundings: Surroundings, state: dict[str, Any]) -> None:
        settings.configure(**settings_of(project, surroundings))
        django.setup()
        self._module = importlib.import_module(f"subjects.{PROJECTS[project].module}")
        self._state = state
        self._steps: list[Any] = []

    def do_fill(self, rows: int, expired: int) -> dict[str, Any]:
        """Make the tables and ``rows`` of each kind; return what later processes must know.

        To be purged there are ``expired`` tokens more, among which a few live.
        """
        from django.core.management import call_command
        from subjects.table_rows import EXPIRED_PER_LIVE, settle

        call_command("migrate", verbosity=0)
        state: dict[str, Any] = self._module.fill(rows)
        if expired:
            self._module.add_expired(expired + expired // EXPIRED_PER_LIVE)
        settle()
        return state

    def do_prepare(self, step: str, count: int) -> None:
        """Make the next ``count`` requests."""
        self._steps = self._module.STEPS[step](self._state, count)

    def do_send(self) -> None:
        """Send what was prepared."""
        for step in self._steps:
            step()

    def do_keep_garbage(self) -> None:
        """Collect garbage now, and no more."""
        gc.collect()
        gc.disable()

    def do_time(self) -> list[float]:
        """Send what was prepared, and return the seconds of each."""
        clock = time.perf_counter
        seconds = []
        for step in self._steps:
            start = clock()
            step()
            seconds.append(clock() - start)
        return seconds

    def do_queries(self) -> float:
        """Send what was prepared, and return the statements of the request in the middle."""
        from django.db import connection

        counts: list[int] = []

        def count(execute: Any, *arguments: Any) -> Any:
            counts[-1] += 1
            return execute(*arguments)

        with connection.execute_wrapper(count):
            for step in self._steps:
                counts.append(0)
                step()
        return statistics.median_low(counts)

    def do_wire(self, step: str) -> str:
        """Return a request as a client sends it."""
        from subjects.requests import wire

        return wire(self._module.STEPS[step](self._state, 1)[0])

    def do_purge(self, purge: str) -> dict[str, Any]:
        """Purge, and return what it took."""
        from subjects.transactions import watch_transactions

        tokens = self._module.TOKENS.objects
        before = tokens.count()
        forget_peak_memory()
        memory = peak_memory()
        start = time.perf_counter()
        with watch_transactions() as transactions:
            self._module.PURGES[purge]()
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "longest_transaction": max(transactions),
            "memory": peak_memory() - memory,
            "deleted": before - tokens.count(),
        }

    def do_profile(self) -> str:
        """Send what was prepared, and return where the time goes."""
        profile = cProfile.Profile()
        profile.runcall(self.do_send)
        text = io.StringIO()
        stats = pstats.Stats(profile, stream=text)
        stats.sort_stats("tottime").print_stats(_PROFILE_LINES)
        stats.sort_stats("cumulative").print_stats("/token_exchange/", _PROFILE_LINES)
        return text.getvalue()


def main() -> None:
    """Answer commands until there are none."""
    # What a subject prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    wanted = json.loads(sys.argv[1])
    child = Child(wanted["project"], Surroundings(**wanted["surroundings"]), wanted["state"])
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(child, f"do_{command.pop('do')}")(**command)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
