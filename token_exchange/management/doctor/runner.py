"""How is everything examined, although some of it may fail, or never answer?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from token_exchange.management.doctor.findings import Fault, Finding, cause, error, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One subject, and how to look into it."""

    subject: str
    examine: Callable[[datetime], Iterable[Finding]]
    """Yield what there is to say at this time; raise ``Fault``, or whatever goes wrong."""
    hint: str
    """How to mend it where it fails or does not end."""
    needs: tuple[str, ...] = ()
    """The subjects without which nothing can be said of this one."""


@dataclass(slots=True)
class _Outcome:
    findings: list[Finding] = field(default_factory=list)
    is_complete: bool = False


def examine_all(
    examinations: Iterable[Examination], *, timeout_seconds: float
) -> Iterator[tuple[str, Finding]]:
    """Yield what each has found, with its subject; none gets more than ``timeout_seconds``."""
    at_fault: set[str] = set()
    for each in examinations:
        needed = next((name for name in each.needs if name in at_fault), None)
        if needed is None:
            outcome = _examine(each, timeout_seconds=timeout_seconds)
        else:
            outcome = _Outcome([warning(f"Not examined, because of the fault in: {needed}.")])
        if not outcome.is_complete:
            at_fault.add(each.subject)
        yield from ((each.subject, finding) for finding in list(outcome.findings))


def _examine(examination: Examination, *, timeout_seconds: float) -> _Outcome:
    """Examine in a thread, which is left to itself if it does not end in time.

    Few drivers have a time-out for all that they wait for, names of hosts for one.
    """
    outcome = _Outcome()
    lent = {alias: connections[alias] for alias in connections}
    in_transaction = {alias for alias, connection in lent.items() if connection.in_atomic_block}

    def run() -> None:
        # So it sees what the transaction of this thread does, if there is one.
        for alias, connection in lent.items():
            connections[alias] = connection
        _fill(outcome, examination)

    thread = Thread(target=run, name=f"doctor: {examination.subject}", daemon=True)
    with _sharing(lent.values()):
        thread.start()
        thread.join(timeout_seconds)
    if not thread.is_alive():
        return outcome
    for alias in lent.keys() - in_transaction:
        # It may still be waiting for an answer on it; whoever comes next connects anew.
        del connections[alias]
    told = error(f"No answer within {timeout_seconds:g} s.", examination.hint)
    return _Outcome([*outcome.findings, told])


def _fill(outcome: _Outcome, examination: Examination) -> None:
    try:
        for finding in examination.examine(timezone.now()):
            outcome.findings.append(finding)
    except Fault as fault:
        outcome.findings.extend(fault.findings)
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is told
        outcome.findings.append(error(f"It failed: {cause(failure)}", examination.hint))
    else:
        outcome.is_complete = True


@contextmanager
def _sharing(lent: Collection[BaseDatabaseWrapper]) -> Iterator[None]:
    """Let another thread use these connections of this one."""
    for connection in lent:
        connection.inc_thread_sharing()
    yield
    for connection in lent:
        connection.dec_thread_sharing()
