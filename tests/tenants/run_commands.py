"""Program that runs commands in a project with its own tenant model, on an empty database.

It reads a JSON list of steps on standard input: the arguments of a command, or a line of Python.
It prints the result of each step as JSON: the command's output, its error, or the line's value.
"""

from __future__ import annotations

import json
import sys
from io import StringIO
from typing import Any

import django
from django.core.management import CommandError, call_command


def take(step: list[str] | str) -> Any:
    if isinstance(step, str):
        return eval(step)
    out = StringIO()
    try:
        call_command(*step, "--json", stdout=out)
    except CommandError as error:
        return str(error)
    return json.loads(out.getvalue())


if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps([take(step) for step in json.load(sys.stdin)]))  # noqa: T201
