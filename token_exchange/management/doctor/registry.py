"""What is examined, in which order, and what rests on what?"""

from __future__ import annotations

from functools import partial

from token_exchange import tasks
from token_exchange.management.doctor import (
    broker,
    cache,
    clock,
    configuration,
    database,
    notifications,
    purge,
    revocation_feed,
    signing_keys,
)
from token_exchange.management.doctor.runner import Examination

_DATABASE = (
    "See whether the server runs, whether this machine reaches it, and whether DATABASES names it."
)

_WAITING = (
    "See what the database is busy with, such as locks in PostgreSQL's pg_stat_activity, and what "
    "its log says; where it is only slow, give it longer by --timeout."
)


def examinations() -> tuple[Examination, ...]:
    """Return all of them; for the Celery app of the thread that calls this."""
    return (
        Examination(subject="configuration", examine=configuration.examine, hint=""),
        Examination(subject="database", examine=database.examine, hint=_DATABASE),
        Examination(subject="clock", examine=clock.examine, hint=_WAITING, needs=("database",)),
        Examination(
            subject="signing keys",
            examine=signing_keys.examine,
            hint=_WAITING,
            needs=("configuration", "database"),
        ),
        Examination(
            subject="revocation feed",
            examine=revocation_feed.examine,
            hint=_WAITING,
            needs=("configuration", "database"),
        ),
        Examination(
            subject="purge",
            examine=purge.examine,
            hint=_WAITING,
            needs=("configuration", "database"),
        ),
        Examination(
            subject="warnings",
            examine=notifications.examine,
            hint=_WAITING,
            needs=("configuration", "database"),
        ),
        Examination(
            subject="cache",
            examine=cache.examine,
            hint="See whether it runs, whether this machine reaches it, and whether CACHES names "
            "it. Until then nothing is limited, or every exchange is answered 503 where "
            "RATE_LIMIT_FAIL_OPEN is off.",
            needs=("configuration",),
        ),
        Examination(
            subject="broker",
            examine=partial(broker.examine, tasks.purge_expired_tokens.app),
            hint="See whether it runs, whether this machine reaches it, and whether broker_url "
            "names it. Until then no task runs, and nothing is purged.",
        ),
    )
