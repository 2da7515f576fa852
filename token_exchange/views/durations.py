"""The durations that forms offer for expiry and overlap, and the wording of a duration."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils.translation import ngettext

EXPIRY_PRESETS: Final = tuple(timedelta(days=days) for days in (7, 30, 90, 365))

DEFAULT_EXPIRY: Final = timedelta(days=90)
"""What forms suggest, so that forgotten keys expire."""

OVERLAP_PRESETS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))

UNITS: Final = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
"""The seconds of each unit, the largest first."""


def duration_in_words(duration: timedelta) -> str:
    """Return a duration of whole seconds in the largest unit that divides it: "90 minutes"."""
    number, unit = number_and_unit(duration)
    if unit == "days":
        return ngettext("%d day", "%d days", number) % number
    if unit == "hours":
        return ngettext("%d hour", "%d hours", number) % number
    if unit == "minutes":
        return ngettext("%d minute", "%d minutes", number) % number
    return ngettext("%d second", "%d seconds", number) % number


def number_and_unit(duration: timedelta) -> tuple[int, str]:
    """Return a duration as a number of the largest unit in ``UNITS`` that divides it."""
    seconds = int(duration.total_seconds())
    unit = next(name for name, length in UNITS.items() if seconds % length == 0)
    return (seconds // UNITS[unit], unit) if seconds else (0, "seconds")
