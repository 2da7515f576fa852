"""Server processes of the demonstration."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import environment

PROJECT = environment.ROOT / "example_project"
START_SECONDS = 30
STOP_SECONDS = 10
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class ServiceFailed(Exception):
    """The service could not do what the demonstration needs; the text is for a person."""


class Server:
    """A WSGI application of the example, with an environment of its own."""

    def __init__(
        self,
        python: Path,
        application: str,
        *,
        folder: Path,
        port: int,
        probe: str,
        variables: Mapping[str, str],
    ) -> None:
        """Take what gunicorn serves, where it logs, and a path that answers once it is up."""
        self.python = python
        self.application = application
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.variables = variables
        self._port = port
        self._probe = probe
        self._log = folder / f"{application}.log"

    @property
    def environment(self) -> dict[str, str]:
        """All that its processes learn of their surroundings.

        A variable that is meant for another project, such as DATABASE_URL, must not lead the
        demonstration there.
        """
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**passed_on, **self.variables}

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Serve with gunicorn, and end it whatever happens meanwhile."""
        command = [
            *(str(self.python), "-m", "gunicorn", self.application),
            *("--chdir", str(PROJECT), "--bind", f"127.0.0.1:{self._port}"),
            # One, because local memory counts for each process alone, and RateLimit would tell
            # of either count in turn; with threads, because a browser keeps connections open on
            # which it says nothing.
            *("--workers", "1", "--threads", "4"),
            *("--graceful-timeout", "2", "--log-level", "warning", "--no-control-socket"),
        ]
        server = None
        try:
            with self._log.open("wb") as log:
                server = subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for us, who then end it in good order
                )
            self._wait_until_up(server)
            yield server
        finally:
            if server is not None:
                _stop(server)

    def _wait_until_up(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise ServiceFailed(f"The server did not start.\n{self.log_tail()}")
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
            try:
                connection.request("GET", self._probe)
                if connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    return
            except OSError:
                time.sleep(0.1)
            finally:
                connection.close()
        raise ServiceFailed(f"The server did not answer.\n{self.log_tail()}")

    def log_lines(self) -> list[str]:
        """Return what the server has logged."""
        return self._log.read_text(errors="replace").splitlines()

    def log_tail(self) -> str:
        """Return the end of the log."""
        return "\n".join(self.log_lines()[-20:])


def _stop(server: subprocess.Popen[bytes]) -> None:
    # A second Ctrl-C must not leave the server behind.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, ending)
            server.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
