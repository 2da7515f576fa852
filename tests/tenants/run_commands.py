"""Run commands one after the other in a project with tenants of its own, on an empty database.

Reads a list of steps as JSON on standard input: the words of a command, or one line of Python.
Prints what came of each as JSON: an answer, a complaint, or what the line is.
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
