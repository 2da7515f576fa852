"""Processes of the subjects: start, commands, answers and end."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from subjects.projects import Surroundings

HERE = Path(__file__).resolve().parent


class ChildFailed(Exception):
    """A subject's process ended; what it said is on standard error."""


class Child:
    """A subject in a process of its own, which answers one question at a time."""

    def __init__(
        self,
        project: str,
        surroundings: Surroundings,
        state: dict[str, Any] | None = None,
        *,
        under: Sequence[str] = (),
    ) -> None:
        """Start the process; ``under`` is the command line of a tool to run it under."""
        self.project = project
        self._surroundings = surroundings
        self._state = state or {}
        wanted = {
            "project": project,
            "surroundings": dataclasses.asdict(surroundings),
            "state": self._state,
        }
        self._process = subprocess.Popen(
            [*under, sys.executable, str(HERE / "child.py"), json.dumps(wanted)],
            env={
                **os.environ,
                # The order of sets and dictionaries, and so the work, is the same in every run.
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, sys.path)]),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, do: str, **arguments: Any) -> Any:
        """Return the answer to one command; raises ``ChildFailed``."""
        self.tell(do, **arguments)
        return self.hear()

    def tell(self, do: str, **arguments: Any) -> None:
        """Send a command whose answer is heard later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """Return the answer to the command that was sent."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailed(self.project)
        return json.loads(line)

    def has_answered(self) -> bool:
        """Tell whether the answer to the command that was sent can be heard at once."""
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def another(self) -> Self:
        """Start another process of the same subject on the same database."""
        return type(self)(self.project, self._surroundings, self._state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process: it stops when it hears no more."""
        self._process.communicate()
