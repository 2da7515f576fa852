"""Runs the doctor's examinations one after the other, each with a time limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from token_exchange.management.doctor.findings import (
    ExaminationFailed,
    Finding,
    cause,
    error,
    warning,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One subject, and the function that examines it."""

    subject: str
    examine: Callable[[datetime], Iterable[Finding]]
    """Yields findings at this time. May raise ``ExaminationFailed``, or any other exception."""
    hint: str
    """How to fix it if it fails or does not answer in time."""
    explain_delay: Callable[[], str] | None = None
    """Returns a better hint after a time-out, or "" if it does not know the reason."""
    needs: tuple[str, ...] = ()
    """The subjects without which this one cannot be examined."""


@dataclass(slots=True)
class _Outcome:
    findings: list[Finding] = field(default_factory=list)
    is_complete: bool = False


def examine_all(
    examinations: Iterable[Examination], *, timeout_seconds: float
) -> Iterator[tuple[str, Finding]]:
    """Yield each finding with its subject; no examination takes longer than the time-out.

    To explain a time-out may take as long again.
    """
    failed: set[str] = set()
    for each in examinations:
        needed = next((name for name in each.needs if name in failed), None)
        if needed is None:
            outcome = _examine(each, timeout_seconds=timeout_seconds)
        else:
            outcome = _Outcome([warning(f"Not examined: fix the errors of the {needed} first.")])
        if not outcome.is_complete:
            failed.add(each.subject)
        yield from ((each.subject, finding) for finding in outcome.findings)


def _examine(examination: Examination, *, timeout_seconds: float) -> _Outcome:
    outcome = _Outcome()
    name = f"doctor: {examination.subject}"
    if _ends_in_time(lambda: _fill(outcome, examination), name, timeout_seconds):
        return outcome
    late = error(f"No answer within {timeout_seconds:g} s.", _explain(examination, timeout_seconds))
    # A new outcome: the thread may still add to the other one.
    return _Outcome([*outcome.findings, late])


def _fill(outcome: _Outcome, examination: Examination) -> None:
    try:
        for finding in examination.examine(timezone.now()):
            outcome.findings.append(finding)
    except ExaminationFailed as failure:
        outcome.findings.extend(failure.findings)
    except Exception as failure:  # noqa: BLE001 - every failure is a finding
        outcome.findings.append(error(f"It failed: {cause(failure)}", examination.hint))
    else:
        outcome.is_complete = True


def _explain(examination: Examination, timeout_seconds: float) -> str:
    explain, hints = examination.explain_delay, [""]
    if explain is not None:

        def add() -> None:
            with suppress(Exception):
                hints.append(explain())

        _ends_in_time(add, f"doctor: delay of {examination.subject}", timeout_seconds)
    return hints[-1] or examination.hint


def _ends_in_time(do: Callable[[], None], name: str, timeout_seconds: float) -> bool:
    """Call ``do`` in a daemon thread, wait at most so long, and return whether it has ended.

    Only a thread can be abandoned: no driver has a time-out for all that it waits for (resolving a
    host name has none). It opens and closes its own database connections. Inside a transaction, as
    in tests, it borrows the caller's, because no other connection sees uncommitted rows.
    """
    borrowed = {
        each.alias: each for each in connections.all(initialized_only=True) if each.in_atomic_block
    }

    def run() -> None:
        for alias, connection in borrowed.items():
            connections[alias] = connection
        try:
            do()
        finally:
            for alias in borrowed:
                del connections[alias]
            connections.close_all()

    thread = Thread(target=run, name=name, daemon=True)
    with _shared(borrowed.values()):
        thread.start()
        thread.join(timeout_seconds)
    return not thread.is_alive()


@contextmanager
def _shared(borrowed: Iterable[BaseDatabaseWrapper]) -> Iterator[None]:
    """Allow other threads to use these connections for as long as the context lasts."""
    for connection in borrowed:
        connection.inc_thread_sharing()
    try:
        yield
    finally:
        for connection in borrowed:
            connection.dec_thread_sharing()
