"""Demonstration of both exchanges against a live server, which stays up afterwards.

Needs Python 3.11 or newer and no service. Keeps nothing: the database is a new SQLite file, unless
``--database-url`` names another, which needs the SECRET_KEY that it was created with.
"""

from __future__ import annotations

import argparse
import http.client
import re
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from demonstration import stage, tour
from demonstration.archive import Archive
from demonstration.narrator import Narrator
from demonstration.server import ServiceFailed
from demonstration.service import Service

import environment

LAST_PORT = 65_535
_PORT = re.compile(r"[0-9]{1,5}")
# What a step raises that did not get the answer it needs to go on.
_BROKEN_STEP = (OSError, http.client.HTTPException, LookupError, ValueError, StopIteration)


def main() -> int:
    """Boot the service, walk through it, and return 0 if it did all that it should."""
    arguments = _arguments()
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _leave)
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that has no check mark still gets the rest
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    _require_free(arguments.port)
    python = environment.ensure("demo", extras=["example"])
    with tempfile.TemporaryDirectory(prefix="token-exchange-demo-") as folder:
        service = Service(
            python,
            Path(folder),
            port=arguments.port,
            database_url=arguments.database_url,
            cache_url=arguments.cache_url,
        )
        narrator = Narrator()
        try:
            return _demonstrate(service, narrator, once=arguments.once)
        except ServiceFailed as failure:
            narrator.check(str(failure), passed=False)
        except _BROKEN_STEP as error:
            narrator.check(f"the step could not go on: {error!r}", passed=False)
            print(service.log_tail())
    return 1


def _demonstrate(service: Service, narrator: Narrator, *, once: bool) -> int:
    cast = stage.prepare(service, narrator)
    archive = Archive(service, raw_api_key=cast.follower["key"])
    with service.running() as server, archive.running():
        tour.walk(service, archive, narrator, cast)
        narrator.summary()
        if not once:
            narrator.say(_invitation(service, archive, cast))
            try:
                server.wait()
            except KeyboardInterrupt:
                print()
            else:
                raise ServiceFailed(f"The server ended by itself.\n{service.log_tail()}")
    return 0 if narrator.all_passed else 1


def _invitation(service: Service, archive: Archive, cast: stage.Cast) -> str:
    return f"""
        Both services stay up until you press Ctrl-C.

          Admin     {service.url}/admin/     user {cast.admin}, password {cast.password}
          API       {service.url}/api/docs
          Keys      {service.url}/.well-known/jwks.json
          Archive   {archive.url}/api/archive     the second service, without tables

        Try it:

          curl -X POST {service.url}/auth_token -u '{":".join(cast.client_pair)}'
        """


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show both exchanges against a live server.")
    parser.add_argument("--once", action="store_true", help="stop at the end; exit 1 on a failure")
    parser.add_argument("--port", type=_port, default=8000, help="where to serve (8000)")
    parser.add_argument("--database-url", help="instead of a fresh SQLite file")
    parser.add_argument("--cache-url", help="instead of local memory")
    return parser.parse_args()


def _port(text: str) -> int:
    if _PORT.fullmatch(text) is None or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {LAST_PORT}")
    return int(text)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the server does, so that its own last connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(
                f"Port {port} of 127.0.0.1 cannot be used ({error.strerror}). "
                "Choose another: --port N"
            )


def _leave(number: int, _frame: object) -> NoReturn:
    """Turn a signal into an exception, so that what is open is closed on the way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
