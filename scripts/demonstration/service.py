"""How is the example served for the demonstration, and gone afterwards?"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environment

PROJECT = environment.ROOT / "example_project"
START_SECONDS = 30
STOP_SECONDS = 10
_DRAW_KEY = """
from token_exchange.core.secret_strings import make_identifier, make_secret
print(make_secret(make_identifier("sk_live")).raw_secret)
"""
# All that the service learns of its surroundings: a variable meant for another project, such as
# DATABASE_URL, must not lead the demonstration there.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


# The name that Python prints, at the end of a traceback, before the text of an exception.
_EXCEPTION = re.compile(r"^(?:\w+\.)+\w+: ", re.MULTILINE)


class ServiceFailed(Exception):
    """The service could not do what the demonstration needs; the text is for a person."""


class Service:
    """The example project with a database of its own."""

    def __init__(
        self,
        python: Path,
        folder: Path,
        *,
        port: int,
        database_url: str | None = None,
        cache_url: str | None = None,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.is_fresh = database_url is None
        self._python = str(python)
        self._log = folder / "server.log"
        own_key = os.environ.get("SECRET_KEY", "")
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = {
            **passed_on,
            "DATABASE_URL": database_url or f"sqlite:///{folder / 'db.sqlite3'}",
            "CACHE_URL": cache_url or "",
            # A database that was there before has signing keys, which only its own key opens.
            "SECRET_KEY": secrets.token_urlsafe(50) if self.is_fresh else own_key,
            "TOKEN_EXCHANGE_ISSUER": self.url,
            # The demonstration speaks plain http, on this machine only.
            "TOKEN_EXCHANGE_REQUIRE_HTTPS": "off",
            # So that its own tokens can be purged before the eyes of whoever watches.
            "TOKEN_EXCHANGE_TOKEN_RETENTION": "0",
        }

    def manage(self, *arguments: str, **variables: str) -> str:
        """Run a management command and return what it printed."""
        return self._run("manage.py", *arguments, **variables)

    def answer(self, *arguments: str) -> Any:
        """Run a management command and return the JSON object that it answers with."""
        return json.loads(self.manage(*arguments, "--json"))

    def draw_key(self) -> str:
        """Return a well-formed API key that nobody was ever given."""
        return self._run("-c", _DRAW_KEY).strip()

    def _run(self, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [self._python, *arguments],
            cwd=PROJECT,
            env={**self._environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"{' '.join(arguments)} failed:\n{_told(done.stderr)}")
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Serve with gunicorn, and end it whatever happens meanwhile."""
        command = [
            *(self._python, "-m", "gunicorn", "config.wsgi"),
            *("--chdir", str(PROJECT), "--bind", f"127.0.0.1:{self.port}"),
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
                    env=self._environment,
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
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/.well-known/jwks.json")
                if connection.getresponse().status == http.HTTPStatus.OK:
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


def _told(complaint: str) -> str:
    """Return what a traceback ends in, which is for people, or the complaint that is none."""
    last = list(_EXCEPTION.finditer(complaint))[-1:]
    return complaint[last[0].end() if last else 0 :].strip()


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
