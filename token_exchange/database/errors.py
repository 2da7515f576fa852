"""Which exceptions say that the database is away, and may come back?"""

from __future__ import annotations

from typing import Final

from django.db import InterfaceError, InternalError, OperationalError

DATABASE_AWAY: Final = (OperationalError, InterfaceError, InternalError)
"""A server that became read-only, as in a failover, is an ``InternalError``."""
