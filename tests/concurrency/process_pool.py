"""Many threads in several processes that run one task at the same moment.

Each process is spawned, so that it starts with none of our state in memory, and each thread has a
database connection of its own. A barrier starts all of them at once.
"""

from __future__ import annotations

import importlib
import multiprocessing
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import django
from django.conf import settings
from django.db import connection, connections

PROCESSES = 2
THREADS = 8
SECONDS = 60
"""More than any of these tests takes on a slow machine."""

_spawn = multiprocessing.get_context("spawn")


class Signals:
    """What a crowd and its test tell one another; each part is shared by all processes."""

    def __init__(self, parties: int) -> None:
        self.start = _spawn.Barrier(parties)
        self.progress = _spawn.Semaphore(0)
        """Released by the members for each thing done."""
        self.turned = _spawn.Event()
        """Set by the test when what it did has returned."""

    def await_progress(self, count: int) -> None:
        """Wait until the crowd has done so many things more."""
        for _ in range(count):
            assert self.progress.acquire(timeout=SECONDS)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What one process of a crowd is told; all of it can be pickled."""

    module: str
    name: str
    """Of the task."""
    arguments: tuple[Any, ...]
    members: range
    database: str
    token_exchange: dict[str, Any]


@dataclass
class Crowd:
    """A crowd at work."""

    signals: Signals
    processes: list[Any]
    pipes: list[Any]
    results: list[Any] = field(default_factory=list)

    def collect(self) -> list[Any]:
        """Wait for the results of all members; fail if one of them raised anything."""
        for pipe in self.pipes:
            assert pipe.poll(SECONDS), "the crowd takes too long"
            results, errors = pipe.recv()
            assert not errors, "\n".join(errors)
            self.results += results
        for process in self.processes:
            process.join(SECONDS)
        return self.results


@contextmanager
def crowd(
    task: Callable[..., Any], *arguments: Any, processes: int = PROCESSES, threads: int = THREADS
) -> Iterator[Crowd]:
    """Let ``task(member, signals, *arguments)`` run in each thread of each process.

    ``task`` is a function of a module; members are numbered from 0. They have the test's database
    and its ``TOKEN_EXCHANGE``.
    """
    signals = Signals(processes * threads)
    running = Crowd(signals, [], [])
    try:
        for number in range(processes):
            receiver, sender = _spawn.Pipe(duplex=False)
            job = _Job(
                module=task.__module__,
                name=task.__name__,
                arguments=arguments,
                members=range(number * threads, (number + 1) * threads),
                database=str(connection.settings_dict["NAME"]),
                token_exchange=dict(settings.TOKEN_EXCHANGE),
            )
            args = (sender, signals, job)
            process = _spawn.Process(target=_run_process, args=args, daemon=True)
            process.start()
            sender.close()
            running.processes.append(process)
            running.pipes.append(receiver)
        yield running
    finally:
        for process in running.processes:
            process.kill()
            process.join()
            process.close()
        for pipe in running.pipes:
            pipe.close()


def run_crowd(task: Callable[..., Any], *arguments: Any, **options: int) -> list[Any]:
    """Run a crowd to its end, and return what the members returned, in no order."""
    with crowd(task, *arguments, **options) as running:
        return running.collect()


def _run_process(sender: Any, signals: Signals, job: _Job) -> None:
    settings.DATABASES["default"]["NAME"] = job.database
    settings.TOKEN_EXCHANGE = job.token_exchange
    django.setup()
    task = getattr(importlib.import_module(job.module), job.name)
    results: list[Any] = []
    errors: list[str] = []

    def run(member: int) -> None:
        try:
            results.append(task(member, signals, *job.arguments))
        except Exception:  # noqa: BLE001 - the test shows it
            errors.append(traceback.format_exc())
            signals.start.abort()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=run, args=(member,)) for member in job.members]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sender.send((results, errors))
