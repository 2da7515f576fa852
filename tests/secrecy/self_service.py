"""Self-service while the database is unreachable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import connection

from tests.self_service.members import make_member

if TYPE_CHECKING:
    from tests.secrecy.flows import Run

STATEMENTS = 16


def fail_to_make_keys(run: Run, fail_at: Callable[[int], Any]) -> None:
    """Let each statement fail in turn, and see what is told and logged of it."""
    member = make_member(run.client)
    run.keep(member.issued)
    token = member.token()
    run.secrets.add(token, "a token of a user's")
    for failing in range(STATEMENTS):
        with connection.execute_wrapper(fail_at(failing)):
            answer = member.call("POST", token=token, label="Fails")
        run.see(answer, "a key of self-service" if answer.status_code == 201 else "")
