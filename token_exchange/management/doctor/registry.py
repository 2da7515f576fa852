"""The doctor's examinations in the order they run, and the subjects each one needs."""

from __future__ import annotations

from functools import partial
from typing import Final

from token_exchange import tasks
from token_exchange.management.doctor import (
    broker,
    cache,
    clock,
    configuration,
    database,
    overdue_jobs,
    revocation_feed,
    signing_keys,
)
from token_exchange.management.doctor.runner import Examination

_DATABASE_HINT: Final = (
    "Check that the server runs, that this machine can reach it, and that DATABASES has its "
    "address."
)
_QUERY_HINT: Final = (
    "Look for the reason in the database's log. If the database is slow, allow more time with "
    "--timeout."
)
_CACHE_HINT: Final = (
    "Check that it runs, that this machine can reach it, and that CACHES has its address. Until "
    "then requests are not limited, or, with RATE_LIMIT_FAIL_OPEN off, every exchange gets a 503."
)
_BROKER_HINT: Final = (
    "Check that it runs, that this machine can reach it, and that broker_url has its address. "
    "Until then no task runs, so nothing is purged."
)


def examinations() -> tuple[Examination, ...]:
    """Return all examinations, the broker's for the Celery app of the calling thread."""
    queries = partial(Examination, hint=_QUERY_HINT, explain_delay=database.explain_delay)
    both = ("configuration", "database")
    return (
        Examination(subject="configuration", examine=configuration.examine, hint=""),
        Examination(subject="database", examine=database.examine, hint=_DATABASE_HINT),
        queries(subject="clock", examine=clock.examine, needs=("database",)),
        queries(subject="signing keys", examine=signing_keys.examine, needs=both),
        queries(subject="revocation feed", examine=revocation_feed.examine, needs=both),
        queries(subject="overdue jobs", examine=overdue_jobs.examine, needs=both),
        Examination(
            subject="cache", examine=cache.examine, hint=_CACHE_HINT, needs=("configuration",)
        ),
        Examination(
            subject="broker",
            examine=partial(broker.examine, tasks.purge_expired_tokens.app),
            hint=_BROKER_HINT,
        ),
    )
