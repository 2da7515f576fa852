"""Base classes of the commands: one answer on stdout, or a one-line error on stderr.

With ``--json`` the answer is a single JSON object. Every error, also in the arguments, is one line
and sets exit status 1.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseFailure

from token_exchange.database.blocking_sessions import session_writing_to
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.issuer.signing_keys import SigningKeyConflict
from token_exchange.models import RevocationFeed


def one_line(text: object) -> str:
    """Return the text as one line, with unprintable characters escaped."""
    joined = " ".join(str(text).split())
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in joined
    )


def _messages(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "; ".join(
        " ".join(messages) if field == "__all__" else f"{field}: {' '.join(messages)}"
        for field, messages in error.message_dict.items()
    )


def _failed(error: DatabaseFailure) -> str:
    reason = f"The database failed: {error}"
    with suppress(DatabaseFailure):
        rows = RevocationFeed.objects.on_writer()
        session = session_writing_to(RevocationFeed._meta.db_table, using=rows.db)
        if session is not None:
            return f"{reason} {session}"
    return f"{reason} (run token_exchange_doctor to find out why)"


class OneLineErrorCommand(BaseCommand):
    """A command that prints every error as one line."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that raises ``CommandError`` instead of printing its usage."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from a shell; wrong arguments give status 1, like every other error."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:  # from the parser; Django handles the others
            if "--traceback" in argv:
                raise
            self._exit(str(error).removeprefix("Error: "))
        except DatabaseFailure as error:  # from Django's checks, before the command starts
            if "--traceback" in argv:
                raise
            self._exit(_failed(error))

    def _exit(self, error: str) -> NoReturn:
        self.stderr.write(f"CommandError: {one_line(error)}")
        sys.exit(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn expected exceptions into a ``CommandError`` with one line."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(one_line(_messages(error))) from error
    except (CredentialConflict, SigningKeyConflict, ImproperlyConfigured) as error:
        raise CommandError(one_line(error)) from error
    except DatabaseFailure as error:
        raise CommandError(one_line(_failed(error))) from error


class OneAnswerCommand(OneLineErrorCommand, ABC):
    """A command that prints its answer as text, or as JSON with ``--json``."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--json`` to the arguments of ``add_own_arguments``."""
        self.add_own_arguments(parser)
        parser.add_argument("--json", action="store_true", help="Print a JSON object.")

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of this command."""

    @abstractmethod
    def answer(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run the command and return its answer in JSON types."""

    @abstractmethod
    def text(self, answer: dict[str, Any]) -> str:
        """Return the answer as text for people."""

    def failure(self, answer: dict[str, Any]) -> str:
        """Return the error line to print after the answer, with status 1, or "" for success."""
        return ""

    def reveal(self, shown: str) -> str:
        """Return what is printed; a command with a new secret replaces its stand-in."""
        return shown

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the answer. Raises ``CommandError`` with one line."""
        with one_line_errors():
            answer = self.answer(**options)
        shown = json.dumps(answer, cls=DjangoJSONEncoder) if options["json"] else self.text(answer)
        try:
            self.stdout.write(self.reveal(shown))
        except OSError as error:
            # Without the frames that hold what was to be printed: it may be a secret.
            raise error.with_traceback(None) from None
        if failure := self.failure(answer):
            raise CommandError(one_line(failure))


def counted(count: int, thing: str) -> str:
    """Return the number with its noun, such as "1 e-mail" or "2 e-mails"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return aligned columns below their titles, with a dash for ``None``."""
    lines = [titles, *([("-" if cell is None else one_line(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
