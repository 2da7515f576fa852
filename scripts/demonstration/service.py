"""The issuer of the demonstration: its environment and its management commands."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any

from demonstration.server import PROJECT, Server, ServiceFailed

_DRAW_KEY = """
from token_exchange_core.secret_strings import make_identifier, make_secret
print(make_secret(make_identifier("sk_live")).raw_secret)
"""

# The name that Python prints, at the end of a traceback, before the text of an exception.
_EXCEPTION = re.compile(r"^(?:\w+\.)+\w+: ", re.MULTILINE)


class Service(Server):
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
        self.is_fresh = database_url is None
        super().__init__(
            python,
            "config.wsgi",
            folder=folder,
            port=port,
            probe="/.well-known/jwks.json",
            variables={
                "DATABASE_URL": database_url or f"sqlite:///{folder / 'db.sqlite3'}",
                "CACHE_URL": cache_url or "",
                # A database that was there before has signing keys, which only its own key opens.
                "SECRET_KEY": (
                    secrets.token_urlsafe(50) if self.is_fresh else os.environ.get("SECRET_KEY", "")
                ),
                "TOKEN_EXCHANGE_ISSUER": f"http://127.0.0.1:{port}",
                # The demonstration speaks plain http, on this machine only.
                "TOKEN_EXCHANGE_REQUIRE_HTTPS": "off",
                # So that its own tokens can be purged before the eyes of whoever watches.
                "TOKEN_EXCHANGE_TOKEN_RETENTION": "0",
            },
        )

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
            [str(self.python), *arguments],
            cwd=PROJECT,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"{' '.join(arguments)} failed:\n{_told(done.stderr)}")
        return done.stdout


def _told(complaint: str) -> str:
    """Return what a traceback ends in, which is for people, or the complaint that is none."""
    last = list(_EXCEPTION.finditer(complaint))[-1:]
    return complaint[last[0].end() if last else 0 :].strip()
