"""Do the tasks run that nobody starts by hand?"""

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
    """Look for our tasks in the schedule of this Celery app, and connect once to its broker."""
    if app.conf.broker_write_url is None:
        yield ok(
            "No Celery app with a broker is loaded. If the project has one, let its __init__.py "
            "import it; if not, let cron run purge_expired_tokens, rotate_signing_key and "
            "warn_of_expiring_credentials."
        )
        return
    yield _schedule(app)
    with app.connection_for_write() as connection:
        transport = connection.transport
        started_at = time.perf_counter()
        # Not connect(), which waits and tries again.
        transport.close_connection(transport.establish_connection())
        waited_seconds = time.perf_counter() - started_at
        yield ok(f"It connects by {transport.driver_name}, in {waited_seconds * 1000:.1f} ms.")
        if transport.driver_type == "memory":
            yield warning(
                "Tasks are kept in the memory of the process that sends them, where no worker is.",
                "Let broker_url name a broker that workers reach, such as Redis.",
            )


def _schedule(app: Any) -> Finding:
    if app.conf.beat_scheduler != _SCHEDULER_OF_THE_SETTINGS:
        return ok(f"The schedule is with {app.conf.beat_scheduler}, and not looked into.")
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    missing = sorted(_wanted() - scheduled)
    if missing:
        return warning(
            f"Celery beat's schedule lacks {' and '.join(missing)}.",
            "Add an entry for each to beat_schedule, such as "
            f"{{'task': {missing[0]!r}, 'schedule': 3600}}; or let cron run the command.",
        )
    return ok("Celery beat's schedule has our tasks.")


def _wanted() -> set[str]:
    settings, _problems = read_settings()
    wanted = {tasks.purge_expired_tokens.name}
    if settings is not None and settings.signing_key_lifetime is not None:
        wanted.add(tasks.rotate_signing_keys.name)
    if settings is not None and settings.expiry_warnings:
        wanted.add(tasks.warn_of_expiring_credentials.name)
    return wanted
