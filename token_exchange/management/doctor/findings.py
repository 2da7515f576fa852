"""What did an examination find, and how is it said without a secret?"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# "connecting to /cret@127.0.0.1:6379/0": what is left of a URL whose password has a slash in it.
_BEFORE_A_HOST: Final = re.compile(r"\S*@")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and will not for ever, or not for everybody."""
    ERROR = "error"
    """Something does not work now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    level: Level
    text: str
    """A sentence or two."""
    hint: str = ""
    """How to mend it."""


class Fault(Exception):
    """What was found last, because whatever rests on this subject fails as well."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings


def ok(text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.OK, text)


def warning(text: str, hint: str = "") -> Finding:
    """Return that something should be looked after."""
    return Finding(Level.WARNING, text, hint)


def error(text: str, hint: str = "") -> Finding:
    """Return that something does not work."""
    return Finding(Level.ERROR, text, hint)


def cause(failure: Exception) -> str:
    """Return what failed, without the passwords that addresses of services have in them."""
    kind = type(failure)
    if kind.__module__ == builtins.__name__ and not isinstance(failure, OSError):
        # "Port could not be cast to integer value as 'secret'": they quote what they cannot read.
        return f"{kind.__name__} (its text may quote a password, and is not shown)"
    return f"{kind.__name__}: {_BEFORE_A_HOST.sub('**@', ' '.join(str(failure).split()))}"
