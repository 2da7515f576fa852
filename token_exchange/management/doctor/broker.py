"""Examination of Celery: the schedule of our tasks, and the connection to the broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from token_exchange import tasks
from token_exchange.conf import read_settings
from token_exchange.management.doctor.findings import Finding, ok, warning

_SCHEDULER_OF_THE_SETTINGS: Final = "celery.beat:PersistentScheduler"


def examine(app: Any, _now: datetime) -> Iterator[Finding]:
    """Look for our tasks in this Celery app's schedule, and connect to its broker once."""
    if app.conf.broker_write_url is None:
        yield ok(
            "No Celery app with a broker is loaded. If the project has one, import it in the "
            "project's __init__.py. If it has none, run purge_expired_tokens, rotate_signing_key "
            "and warn_of_expiring_credentials with cron."
        )
        return
    yield _schedule(app)
    with app.connection_for_write() as connection:
        transport = connection.transport
        started_at = time.perf_counter()
        # Not connect(), which waits and retries.
        transport.close_connection(transport.establish_connection())
        waited_seconds = time.perf_counter() - started_at
        yield ok(f"The broker ({transport.driver_name}) answers in {waited_seconds * 1000:.1f} ms.")
        if transport.driver_type == "memory":
            yield warning(
                "The broker is in the sending process's memory, which no worker can read.",
                "Set broker_url to a broker that workers can reach, such as Redis.",
            )


def _schedule(app: Any) -> Finding:
    if app.conf.beat_scheduler != _SCHEDULER_OF_THE_SETTINGS:
        return ok(f"The schedule is kept by {app.conf.beat_scheduler} and was not examined.")
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    missing = sorted(_expected() - scheduled)
    if missing:
        return warning(
            f"Celery beat's schedule lacks {', '.join(missing)}.",
            "Add an entry for each to beat_schedule, such as "
            f"{{'task': {missing[0]!r}, 'schedule': 3600}}, or run the commands with cron.",
        )
    return ok("Celery beat's schedule contains our tasks.")


def _expected() -> set[str]:
    settings, _problems = read_settings()
    expected = {tasks.purge_expired_tokens.name}
    if settings is not None and settings.signing_key_lifetime is not None:
        expected.add(tasks.rotate_signing_keys.name)
    if settings is not None and settings.expiry_warnings:
        expected.add(tasks.warn_of_expiring_credentials.name)
    return expected
