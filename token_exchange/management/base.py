"""What do all commands share: one answer on stdout, or one line of complaint on stderr?

With ``--json`` the answer is one JSON object and nothing else. Whatever is wrong, also with the
arguments, is told in one line, with exit status 1.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseFailure

from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.issuer.signing_keys import SigningKeyConflict


def one_line(text: object) -> str:
    """Return the text in one line; what a terminal would not print is shown by its escape."""
    joined = " ".join(str(text).split())
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in joined
    )


def _complaint(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "; ".join(
        " ".join(messages) if field == "__all__" else f"{field}: {' '.join(messages)}"
        for field, messages in error.message_dict.items()
    )


def _failed(error: DatabaseFailure) -> str:
    return f"The database failed: {error} (token_exchange_doctor says how to mend it)"


class OneComplaintCommand(BaseCommand):
    """A command that complains of whatever is wrong in one line."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that raises ``CommandError`` instead of printing its usage."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from a shell; wrong arguments end with status 1, as everything wrong does."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:  # of the parser; Django itself sees to the others
            if "--traceback" in argv:
                raise
            self._exit(str(error).removeprefix("Error: "))
        except DatabaseFailure as error:  # of Django's checks, before the command begins
            if "--traceback" in argv:
                raise
            self._exit(_failed(error))

    def _exit(self, complaint: str) -> NoReturn:
        self.stderr.write(f"CommandError: {one_line(complaint)}")
        sys.exit(1)


@contextmanager
def one_complaint() -> Iterator[None]:
    """Turn what may go wrong inside into a ``CommandError`` of one line."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(one_line(_complaint(error))) from error
    except (CredentialConflict, SigningKeyConflict, ImproperlyConfigured) as error:
        raise CommandError(one_line(error)) from error
    except DatabaseFailure as error:
        raise CommandError(one_line(_failed(error))) from error


class OneAnswerCommand(OneComplaintCommand, ABC):
    """A command that returns one answer as a dictionary, for programs and for people."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--json``, and what the command adds in ``add_own_arguments``."""
        self.add_own_arguments(parser)
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of this command."""

    @abstractmethod
    def answer(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Do what was asked; return what there is to tell, in values that JSON has."""

    @abstractmethod
    def text(self, answer: dict[str, Any]) -> str:
        """Return the answer for a person."""

    def complaint(self, answer: dict[str, Any]) -> str:
        """Return what to complain of after the answer, with status 1; here of nothing."""
        return ""

    def handle(self, *args: Any, **options: Any) -> str:
        """Return what is printed; raise ``CommandError`` with one line for what went wrong."""
        with one_complaint():
            answer = self.answer(**options)
        shown = json.dumps(answer, cls=DjangoJSONEncoder) if options["json"] else self.text(answer)
        if complaint := self.complaint(answer):
            self.stdout.write(shown)
            raise CommandError(one_line(complaint))
        return shown


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return aligned columns under their titles; ``None`` is shown as a dash."""
    lines = [titles, *([("-" if cell is None else one_line(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
