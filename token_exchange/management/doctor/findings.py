"""Findings of the doctor, and error texts without the passwords that service URLs contain."""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# "connecting to /cret@127.0.0.1:6379/0": the rest of a URL whose password contains a slash.
_BEFORE_A_HOST: Final = re.compile(r"\S*@")


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works now, but not for everyone or not for much longer."""
    ERROR = "error"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of an examination."""

    level: Level
    text: str
    """One or two sentences."""
    hint: str = ""
    """How to fix it."""


class ExaminationFailed(Exception):
    """Raised with the last findings of a subject that others depend on; those are skipped."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings


def ok(text: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(Level.OK, text)


def warning(text: str, hint: str = "") -> Finding:
    """Return a finding that needs attention soon."""
    return Finding(Level.WARNING, text, hint)


def error(text: str, hint: str = "") -> Finding:
    """Return a finding about something that does not work."""
    return Finding(Level.ERROR, text, hint)


def cause(failure: Exception) -> str:
    """Return the type and text of the exception, without passwords of service URLs."""
    kind = type(failure)
    if kind.__module__ == builtins.__name__ and not isinstance(failure, OSError):
        # They quote what they cannot parse: "Port could not be cast to integer value as 'secret'".
        return f"{kind.__name__} (its text is hidden because it may contain a password)"
    return f"{kind.__name__}: {_BEFORE_A_HOST.sub('**@', ' '.join(str(failure).split()))}"
