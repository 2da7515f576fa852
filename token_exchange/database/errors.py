"""Exceptions that mean the database is unreachable; a retry may succeed."""

from __future__ import annotations

from typing import Final

from django.db import InterfaceError, InternalError, OperationalError

DATABASE_AWAY: Final = (OperationalError, InterfaceError, InternalError)
"""``InternalError`` is for a server that became read-only, as in a failover."""
