"""The time by the database's clock, and by this host's: either of them may be wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db.models.functions import Now
from django.utils import timezone


class DatabaseNow(Now):
    """The database's clock when the statement began; NULL on SQLite, which has none of its own."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return NULL."""
        return self.as_sql(compiler, connection, template="NULL", **extra)

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return the time in UTC: a session's time zone is the server's."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


class Clocks(NamedTuple):
    """Both clocks, read at about the same moment."""

    host: datetime
    database: datetime
    """The host's where the database has none."""

    @classmethod
    def read(cls, database_now: datetime | None) -> Self:
        """Return this host's time beside the value of ``DatabaseNow``."""
        host_now = timezone.now()
        return cls(host=host_now, database=database_now or host_now)

    @property
    def earliest(self) -> datetime:
        """What has expired by now has expired by both clocks."""
        return min(self)

    @property
    def latest(self) -> datetime:
        """What expires after this is live by both clocks."""
        return max(self)
