"""Runs commands in this process or in a shell, and returns their output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from tests.support.subprocesses import environment, run_python
from token_exchange.models import Credential

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    """Freeze the clock at ``NOW``."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@dataclass(frozen=True)
class Shell:
    """A project with a database, and a shell to run its commands in."""

    database_url: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` in a process of its own."""
        return run_python(
            "-m", "django", *arguments, env=environment(DATABASE_URL=self.database_url)
        )

    def answer(self, *arguments: str) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        finished = self.run(*arguments, "--json")
        assert finished.returncode == 0
        answer: dict[str, Any] = json.loads(finished.stdout)
        return answer

    def error(self, *arguments: str) -> str:
        """Return the line printed on stderr, without its prefix."""
        finished = self.run(*arguments)
        assert (finished.stdout, finished.returncode) == ("", 1)
        (line,) = finished.stderr.splitlines()
        return line.removeprefix("CommandError: ")


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell with a migrated database in a file."""
    path = tmp_path_factory.mktemp("shell") / "db.sqlite3"
    shell = Shell(f"sqlite:///{path}")
    finished = shell.run("migrate", "--verbosity", "0")
    assert (finished.stderr, finished.returncode) == ("", 0)
    return shell


def run(name: str, *arguments: str) -> dict[str, Any]:
    """Run a command in this process; return what it prints with ``--json``."""
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, "--json", stdout=out, stderr=err)
    assert err.getvalue() == ""
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def text(name: str, *arguments: str) -> str:
    """Run a command in this process; return what it prints without ``--json``."""
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


@pytest.fixture
def error_of() -> Callable[..., str]:
    """Run a command that must fail, and return its one-line error."""

    def run_and_fail(name: str, *arguments: str) -> str:
        before = list(Credential.objects.order_by("pk").values())
        out = StringIO()
        with pytest.raises(CommandError) as caught:
            call_command(name, *arguments, stdout=out)
        assert out.getvalue() == ""
        assert list(Credential.objects.order_by("pk").values()) == before
        line = str(caught.value)
        assert line.splitlines() == [line]
        assert line.isprintable()
        return line

    return run_and_fail
