"""Do owners hear in time of what ends?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from token_exchange.management.doctor.findings import Finding, ok, warning
from token_exchange.observability.notifications import due

_LATE: Final = timedelta(days=1)
"""How long a warning may wait for a task that runs once a day."""


def examine(now: datetime) -> Iterator[Finding]:
    """Look for a warning that was due a day ago, which an index finds, and was not given."""
    before = now - _LATE
    warnings = {
        "expires": due.expiring("expiry_warned_at", now=before),
        "has a previous secret in use": due.with_previous_secret_in_use(
            "previous_secret_warned_at", now=before
        ),
    }
    for what, credentials in warnings.items():
        late = next(credentials, None)
        if late is None:
            yield ok(f"No warning is overdue of a credential that {what}.")
            continue
        yield warning(
            f"{late.identifier} {what}, and the warning was due more than a day ago: no task "
            "warns, or none comes to its end.",
            "Run: python manage.py warn_of_expiring_credentials. Then let Celery beat run "
            "token_exchange.tasks.warn_of_expiring_credentials each hour, or cron the command. "
            "Where an expiry was changed since the last run, the next one sees to it.",
        )
