"""The command that runs the doctor and prints its findings."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.core.management.base import CommandParser

from token_exchange.management.arguments import positive_duration
from token_exchange.management.base import OneAnswerCommand, one_line
from token_exchange.management.doctor import Level, examinations, examine_all

_INDENT = " " * 11


class Command(OneAnswerCommand):
    """Examine the installation."""

    help = (
        "Examine configuration, database, clock, signing keys, revocation feed, overdue jobs, "
        "cache and broker; print what is wrong and how to fix it. Exits with status 1 if there is "
        "an error."
    )
    # Their errors would stop the command; here they are findings among others.
    requires_system_checks = ()

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add ``--strict`` and ``--timeout``."""
        parser.add_argument(
            "--strict", action="store_true", help="Exit with status 1 for warnings, too."
        )
        parser.add_argument(
            "--timeout",
            type=positive_duration,
            default=timedelta(seconds=5),
            metavar="DURATION",
            help="Wait at most this long for each subject (default: 5s).",
        )

    def answer(self, *, strict: bool, timeout: timedelta, **_: Any) -> dict[str, Any]:
        """Run all examinations."""
        findings = [
            {
                "subject": subject,
                "level": str(finding.level),
                "text": one_line(finding.text),
                "hint": one_line(finding.hint),
            }
            for subject, finding in examine_all(
                examinations(), timeout_seconds=timeout.total_seconds()
            )
        ]
        levels = [each["level"] for each in findings]
        errors, warnings = levels.count(Level.ERROR), levels.count(Level.WARNING)
        return {
            "ok": not (errors or (strict and warnings)),
            "errors": errors,
            "warnings": warnings,
            "findings": findings,
        }

    def text(self, answer: dict[str, Any]) -> str:
        """Return the findings by subject, each with its level and its hint."""
        lines = []
        for subject, findings in groupby(answer["findings"], key=itemgetter("subject")):
            lines.append(self.style.MIGRATE_HEADING(subject))
            for each in findings:
                lines.append(f"  {self._mark(each['level'])}  {each['text']}")
                lines += [f"{_INDENT}{each['hint']}"] if each["hint"] else []
        return "\n".join([*lines, *(["", _summary(answer)] if answer["ok"] else [])])

    def failure(self, answer: dict[str, Any]) -> str:
        """Return the numbers of errors and warnings if they make the command fail."""
        return "" if answer["ok"] else _summary(answer)

    def _mark(self, level: str) -> str:
        styles = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }
        return styles[Level(level)](level.ljust(len(Level.WARNING)))


def _summary(answer: dict[str, Any]) -> str:
    return f"Errors: {answer['errors']}. Warnings: {answer['warnings']}."
