"""Requests per second through gunicorn.

Each subject has two synchronous workers, which clients on the same machine ask in turns. The floor
is served twice: only a difference greater than that between these two means something.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from children import HERE, Child
from plan import Entry, Operation
from stage import Stage
from table import Table, number

_WORKERS = 2
_CLIENTS = 4
_PAIRS = 9
_SECONDS = 2.0
_START_SECONDS = 60
_VOID = 0.1
_HEADINGS = ("", "requests/s", "× floor", "aim")


@dataclass(frozen=True, kw_only=True)
class HttpSection:
    """Requests a second of a floor, of the same floor again, and of ours."""

    operation: Operation
    place: str
    rates: dict[str, list[float]]
    """By title, of each turn; the first is the floor, the second the floor again."""

    def _ratios(self, title: str) -> list[float]:
        floor = next(iter(self.rates.values()))
        return [rate / base for rate, base in zip(self.rates[title], floor, strict=True)]

    def table(self) -> Table:
        """Return rates and ratios, and whether they mean something."""
        titles = list(self.rates)
        return Table(
            title=f"{self.operation.title}, over HTTP: {self.place}",
            headings=_HEADINGS,
            rows=[
                (
                    title,
                    number(statistics.median(rates), ",.0f"),
                    number(statistics.median(self._ratios(title)), ".2f"),
                    f"≥ {self.operation.aim_over_http:.2f}" if title == titles[-1] else "",
                )
                for title, rates in self.rates.items()
            ],
            note=self._note(self._ratios(titles[1])),
        )

    def _note(self, ratios: Sequence[float]) -> str:
        tenths = statistics.quantiles(ratios, n=10, method="inclusive")
        spread = tenths[-1] - tenths[0]
        text = f"{len(ratios)} pairs; floor against floor spreads over {spread:.0%}"
        return f"{text}: VOID." if spread > _VOID else f"{text}."


def serve(operation: Operation, stage: Stage, *, place: str) -> HttpSection:
    """Ask the floor and ours in turns."""
    floor, ours = operation.entries[:2]
    subjects = {floor.title: floor, f"{floor.title}, again": floor, ours.title: ours}
    with contextlib.ExitStack() as stack:
        servers = {
            title: stack.enter_context(_server(entry, stage)) for title, entry in subjects.items()
        }
        pool = stack.enter_context(ProcessPoolExecutor(_CLIENTS))
        for server in servers.values():
            _rate(pool, server)
        turns = [
            {title: _rate(pool, servers[title]) for title in order}
            # Nobody is always the first.
            for order in itertools.islice(itertools.cycle(itertools.permutations(servers)), _PAIRS)
        ]
    rates = {title: [turn[title] for turn in turns] for title in subjects}
    return HttpSection(operation=operation, place=place, rates=rates)


@dataclass(frozen=True, kw_only=True)
class _Server:
    port: int
    request: bytes


@contextlib.contextmanager
def _server(entry: Entry, stage: Stage) -> Iterator[_Server]:
    surroundings, state = stage.place(entry)
    with Child(entry.project, surroundings, state) as child:
        request = child.ask("wire", step=entry.step).encode()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = dataclasses.asdict(dataclasses.replace(surroundings, over_http=True))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "wsgi:application"),
            *("--chdir", str(HERE), "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(_WORKERS), "--log-level", "error", "--no-control-socket"),
        ],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, sys.path)]),
            "BENCHMARKS_SUBJECT": json.dumps({"project": entry.project, "surroundings": served}),
        },
    )
    try:
        _wait_for(port)
        yield _Server(port=port, request=request)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    stop_at = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > stop_at:
                raise
            time.sleep(0.05)
        else:
            return


def _rate(pool: ProcessPoolExecutor, server: _Server) -> float:
    clients = [pool.submit(_load, server.port, server.request) for _ in range(_CLIENTS)]
    return sum(client.result() for client in clients) / _SECONDS


def _load(port: int, request: bytes) -> int:
    """Send requests, one after another, and return how many were answered well."""
    answered = 0
    stop_at = time.monotonic() + _SECONDS
    while time.monotonic() < stop_at:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)
            answer = connection.recv(65536)
            while connection.recv(65536):
                pass
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer[:500])
        answered += 1
    return answered
