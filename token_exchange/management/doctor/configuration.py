"""Examination of the settings by the app's system checks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.core.checks import ERROR, CheckMessage

from token_exchange.conf import read_settings
from token_exchange.management.checks import check_deployment, check_settings
from token_exchange.management.doctor.findings import (
    ExaminationFailed,
    Finding,
    error,
    ok,
    warning,
)


def examine(_now: datetime) -> Iterator[Finding]:
    """Run the checks of the settings and of a deployment.

    The examination of the signing keys covers the database check (W006, W008, W009).
    """
    messages = [*check_settings(None), *check_deployment(None)]
    found = [_finding(each) for each in messages if not each.is_silenced()]
    if read_settings()[0] is None:
        raise ExaminationFailed(*found)
    yield from found or [ok("The system checks found no problem in the settings.")]


def _finding(message: CheckMessage) -> Finding:
    level = error if message.level >= ERROR else warning
    return level(f"{message.msg} ({message.id})", message.hint or "")
