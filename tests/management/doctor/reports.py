"""Runs the doctor's command and returns what it printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command

from token_exchange.management.doctor import examinations, examine_all


@dataclass(frozen=True)
class Report:
    """What the command printed with ``--json``, and its error message."""

    answer: dict[str, Any]
    error: str

    def of(self, subject: str) -> list[tuple[str, str]]:
        """Return the level and the text of each finding."""
        return [(each["level"], each["text"]) for each in self._of(subject)]

    def hint(self, subject: str) -> str:
        """Return the only hint."""
        (hint,) = [each["hint"] for each in self._of(subject) if each["hint"]]
        return str(hint)

    def _of(self, subject: str) -> list[dict[str, str]]:
        return [each for each in self.answer["findings"] if each["subject"] == subject]


def examine(*arguments: str) -> Report:
    """Run the doctor in this process."""
    printed, error = _run("--json", *arguments)
    report = Report(json.loads(printed), error)
    assert report.answer["ok"] is (error == "")
    return report


def last_of(subject: str, *, timeout_seconds: float) -> tuple[str, str]:
    """Examine one subject with this time-out, and return its last finding."""
    only = [each for each in examinations() if each.subject == subject]
    *_, (_, finding) = examine_all(only, timeout_seconds=timeout_seconds)
    return str(finding.level), finding.text


def shown(*arguments: str, **options: Any) -> list[str]:
    """Return the lines printed without ``--json``, the error message last."""
    printed, error = _run(*arguments, **options)
    return [*printed.splitlines(), error]


def _run(*arguments: str, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    error = ""
    try:
        call_command("token_exchange_doctor", *arguments, stdout=out, stderr=err, **options)
    except CommandError as failure:
        error = str(failure)
    assert err.getvalue() == ""
    return out.getvalue(), error
