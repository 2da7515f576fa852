"""Settings from environment variables, and their defaults.

An empty variable counts as unset. A malformed value is an error; it never falls back to a default.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from environ import Env

_SWITCH: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

_SQLITE_OPTIONS: Final = {
    # Readers and the writer do not block each other.
    "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
    # Take the write lock when a transaction begins. One that reads first and writes later fails
    # immediately if another has written in between, whatever the timeout.
    "transaction_mode": "IMMEDIATE",
    # Seconds to wait for another writer.
    "timeout": 10,
}

# If Redis hangs, a request waits this long once, and is then let through or gets 503.
_REDIS_TIMEOUT_SECONDS: Final = 0.2


def text(name: str, default: str) -> str:
    """Return the variable unchanged; a leading ``$`` has no special meaning."""
    return os.environ.get(name) or default


def required(name: str, description: str) -> str:
    """Return a variable that has no default; ``description`` is for the error message."""
    value = text(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set {name} to {description}.")
    return value


def switch(name: str, *, default: bool) -> bool:
    """Return the variable as a boolean."""
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
    """Return the comma-separated words of the variable."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL, as browsers send them in Origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def secret_key(stored_in: Path) -> str:
    """Return ``SECRET_KEY``, or a random one generated on first use and stored in a file.

    There is no public default, because the signing keys are encrypted with it.
    """
    if key := text("SECRET_KEY", ""):
        return key
    try:
        if not stored_in.exists():
            _generate_secret_key(stored_in)
        return stored_in.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"Set SECRET_KEY to a long random text. None could be stored in {stored_in} ({error})."
        ) from error


def _generate_secret_key(path: Path) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft:  # readable by its owner only
        draft.write(get_random_secret_key())
        draft.flush()
        # Atomic: if several workers start at once, the first key wins.
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
    # Each server thread keeps its connection for a minute. psycopg's pool, which excludes this,
    # costs twice as much per request here; it pays with many more threads than connections.
    settings.setdefault("CONN_MAX_AGE", 60)
    # So that no thread's first request fails after PostgreSQL was restarted.
    settings.setdefault("CONN_HEALTH_CHECKS", True)
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {**_SQLITE_OPTIONS, **settings.get("OPTIONS", {})}
    return settings


def cache() -> dict[str, Any]:
    """Return the cache of ``CACHE_URL``, or local memory, where each process counts separately."""
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
        # By default redis-py tries again, in some versions ten times.
        "retry": Retry(NoBackoff(), 0),
    }


def broker(*, default: Path) -> tuple[str, dict[str, Any]]:
    """Return ``CELERY_BROKER_URL``, by default a file broker, and the transport's options."""
    url = text("CELERY_BROKER_URL", "filesystem://")
    scheme = url.partition(":")[0]
    if scheme == "filesystem":
        return url, _folders(default)
    # Sending to an unavailable broker fails immediately; workers try again.
    options: dict[str, Any] = {"max_retries": 0}
    if scheme in {"redis", "rediss"}:
        # Workers poll for one second at a time, so three seconds are enough.
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
    # Do not show the URL: it may contain a password.
    if url and url.partition(":")[0] not in known:
        raise ImproperlyConfigured(f"{name} must be a URL such as {example}.")
