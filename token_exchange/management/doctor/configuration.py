"""Can the settings be used, and are they safe?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.core.checks import ERROR, CheckMessage

from token_exchange.conf import read_settings
from token_exchange.management.checks import check_deployment, check_settings
from token_exchange.management.doctor.findings import Fault, Finding, error, ok, warning


def examine(_now: datetime) -> Iterator[Finding]:
    """Run the app's system checks, those of a deployment too.

    What the one of the database tells (W006, W008, W009), the examination of the signing keys does.
    """
    messages = [*check_settings(None), *check_deployment(None)]
    found = [_finding(each) for each in messages if not each.is_silenced()]
    if read_settings()[0] is None:
        raise Fault(*found)
    yield from found or [ok("The system checks have nothing to say against the settings.")]


def _finding(message: CheckMessage) -> Finding:
    tell = error if message.level >= ERROR else warning
    return tell(f"{message.msg} ({message.id})", message.hint or "")
