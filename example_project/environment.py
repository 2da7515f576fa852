"""What does the environment say, and what holds where it says nothing?

A variable that is empty counts as absent. What cannot be understood is an error, never a default.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from environ import Env

_SWITCH: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

_SQLITE_OPTIONS: Final = {
    # Readers do not wait for the writer, nor the writer for them.
    "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
    # A transaction that reads first and writes later fails at once where another has written
    # meanwhile, whatever the timeout; one that takes the lock when it begins waits its turn.
    "transaction_mode": "IMMEDIATE",
    # Seconds that a writer waits for another.
    "timeout": 10,
}

# A Redis that hangs costs a request this once: the rate limits let it pass (or answer 503).
_REDIS_TIMEOUT_SECONDS: Final = 0.2


def text(name: str, default: str) -> str:
    """Return the variable as it is; a leading ``$`` means nothing."""
    return os.environ.get(name) or default


def required(name: str, what: str) -> str:
    """Return the variable, which nothing can stand in for; ``what`` says what it must be."""
    value = text(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set {name} to {what}.")
    return value


def switch(name: str, *, default: bool) -> bool:
    """Return whether the variable says on or off."""
    value = text(name, "on" if default else "off")
    if value.lower() not in _SWITCH:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(_SWITCH)}, not {value!r}.")
    return _SWITCH[value.lower()]


def seconds(name: str, default: int) -> int:
    """Return the variable as a whole number of seconds."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit()):
        raise ImproperlyConfigured(f"{name} must be a whole number of seconds, not {value!r}.")
    return int(value)


def words(name: str, default: str) -> list[str]:
    """Return the variable's words, which commas separate."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def secret_key(kept_at: Path) -> str:
    """Return ``SECRET_KEY``, or the one that this machine has drawn for itself and keeps.

    There is no default that everybody knows: the signing keys are encrypted with it.
    """
    if key := text("SECRET_KEY", ""):
        return key
    try:
        if not kept_at.exists():
            _draw_secret_key(kept_at)
        return kept_at.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"Set SECRET_KEY to a long random text: none could be kept in {kept_at} ({error})."
        ) from error


def _draw_secret_key(path: Path) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # for its owner's eyes only
        draft.write(get_random_secret_key())
        draft.flush()
        # Whole or not at all: several workers may start at once, and one key must win.
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)


def database(*, default: Path) -> dict[str, Any]:
    """Return the database of ``DATABASE_URL``, or the SQLite file ``default``."""
    url = text("DATABASE_URL", "")
    _check_scheme("DATABASE_URL", url, Env.DB_SCHEMES, "postgres://user:password@host/name")
    settings: dict[str, Any] = (
        Env.db_url_config(url)
        if url
        else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default)}
    )
    # A connection for each thread of the server, kept for a minute. psycopg's pool would cost
    # twice as much a request here, and the two exclude each other; it pays where many more
    # threads than connections are wanted.
    settings.setdefault("CONN_MAX_AGE", 60)
    # After a restart of PostgreSQL the first request of each thread must not fail.
    settings.setdefault("CONN_HEALTH_CHECKS", True)
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {**_SQLITE_OPTIONS, **settings.get("OPTIONS", {})}
    return settings


def cache() -> dict[str, Any]:
    """Return the cache of ``CACHE_URL``, or local memory, which each process counts in alone."""
    url = text("CACHE_URL", "locmemcache://")
    _check_scheme("CACHE_URL", url, Env.CACHE_SCHEMES, "redis://host:6379/0")
    settings: dict[str, Any] = Env.cache_url_config(url)
    if settings["BACKEND"].endswith(".RedisCache"):
        settings["OPTIONS"] = {**_redis_options(), **settings.get("OPTIONS", {})}
    return settings


def _redis_options() -> dict[str, Any]:
    from redis.backoff import NoBackoff  # noqa: PLC0415 - only where Redis is used
    from redis.retry import Retry  # noqa: PLC0415

    return {
        "socket_timeout": _REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": _REDIS_TIMEOUT_SECONDS,
        # redis-py's own default is to try again, in some versions ten times.
        "retry": Retry(NoBackoff(), 0),
    }


def broker(*, default: Path) -> tuple[str, dict[str, Any]]:
    """Return ``CELERY_BROKER_URL`` and the transport's options, or a broker of files."""
    url = text("CELERY_BROKER_URL", "filesystem://")
    scheme = url.partition(":")[0]
    if scheme == "filesystem":
        return url, _folders(default)
    # Whoever sends a task to a broker that is away shall know it at once; workers try again.
    options: dict[str, Any] = {"max_retries": 0}
    if scheme in {"redis", "rediss"}:
        # A worker waits for tasks in calls of one second, so three do not disturb it.
        options |= {"socket_connect_timeout": 1, "socket_timeout": 3}
    return url, options


def _folders(root: Path) -> dict[str, str]:
    messages, control = root / "messages", root / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
    }


def _check_scheme(name: str, url: str, known: dict[str, Any], example: str) -> None:
    # The URL itself is not shown: it may have a password.
    if url and url.partition(":")[0] not in known:
        raise ImproperlyConfigured(f"{name} must be a URL such as {example}.")
