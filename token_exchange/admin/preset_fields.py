"""How does an operator choose a duration or a moment: mostly one of a few, seldom another?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import to_current_timezone
from django.forms.widgets import ChoiceWidget
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

CUSTOM: Final = "custom"
"""The choice for which the other inputs are there; without JavaScript they always show."""

_UNITS: Final = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_UNIT_LABELS: Final = {
    "minutes": _("minutes"),
    "hours": _("hours"),
    "days": _("days"),
    "seconds": _("seconds"),
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_LAST_YEAR: Final = 9998
"""Of the year after it, some hours are beyond what Python can write in another time zone."""


def in_words(duration: timedelta) -> str:
    """Return whole seconds in the largest unit of which it is a whole number."""
    number, unit = _split(duration)
    if unit == "days":
        return ngettext("%d day", "%d days", number) % number
    if unit == "hours":
        return ngettext("%d hour", "%d hours", number) % number
    if unit == "minutes":
        return ngettext("%d minute", "%d minutes", number) % number
    return ngettext("%d second", "%d seconds", number) % number


def _split(duration: timedelta) -> tuple[int, str]:
    seconds = int(duration.total_seconds())
    unit = next(name for name, each in _UNITS.items() if seconds % each == 0)
    return (seconds // _UNITS[unit], unit) if seconds else (0, "seconds")


class PresetWidget(forms.MultiWidget):
    """A choice, and what is asked where none of it fits."""

    template_name = "token_exchange/admin/preset_widget.html"
    use_fieldset = False

    def id_for_label(self, id_: str) -> str:
        """Return the id of the choice, which stands for the whole."""
        return id_

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Give the choice the id that label and help text point to."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        widget = context["widget"]
        widget["subwidgets"][0]["attrs"]["id"] = widget["attrs"]["id"]
        return context


class DurationWidget(PresetWidget):
    """A choice of durations, or a number and its unit."""

    def __init__(self, choice: type[ChoiceWidget] = forms.Select) -> None:
        number = {"min": 1, "aria-label": _("Number"), "class": "te-number", "autocomplete": "off"}
        unit = {"aria-label": _("Unit")}
        super().__init__(
            {
                "": choice(),
                "number": forms.NumberInput(number),
                "unit": forms.Select(unit, list(_UNIT_LABELS.items())),
            }
        )

    def decompress(self, value: timedelta | None) -> list[Any]:
        """Return the choice that a duration is, or its number and unit."""
        if value is None:
            return ["", None, "minutes"]
        seconds = str(int(value.total_seconds()))
        choice: Any = self.widgets[0]
        if seconds in dict(choice.choices):
            return [seconds, None, "minutes"]
        return [CUSTOM, *_split(value)]


class MomentWidget(PresetWidget):
    """A choice of times from now, or a day and time."""

    supports_microseconds = False

    def __init__(self) -> None:
        attrs = {"type": "datetime-local", "aria-label": _("Day and time")}
        at = forms.DateTimeInput(attrs, format="%Y-%m-%dT%H:%M:%S")
        super().__init__({"": forms.Select(), "at": at})

    def decompress(self, value: datetime | None) -> list[Any]:
        """Return a time as the day and time that it is."""
        return ["", None] if value is None else [CUSTOM, to_current_timezone(value)]


class _PresetField(forms.Field):
    widget: Any
    default_error_messages: ClassVar[dict[str, Any]] = {
        "choice": _("Choose one of these."),
        "ambiguous": _("Choose the last of these for what you typed, or empty it."),
    }

    def _set_choices(self, presets: Iterable[tuple[str, Any]], *, none: Any, custom: Any) -> None:
        first = [] if none is None else [("", none)]
        choices = [*first, *presets, (CUSTOM, custom)]
        self.widget.widgets[0].choices = choices
        self._offered = {value for value, _label in choices}

    def _is_custom(self, choice: Any, typed: Any) -> bool:
        # One that was not sent at all is the empty one, as a form without the field would mean.
        choice = choice or ""
        if choice and choice not in self._offered:
            raise ValidationError(self.error_messages["choice"], code="choice")
        if choice != CUSTOM and typed not in (None, ""):
            raise ValidationError(self.error_messages["ambiguous"], code="ambiguous")
        return bool(choice == CUSTOM)


class DurationField(_PresetField):
    """One of some durations, or another one up to ``longest``; nothing is ``None``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "number": _("Enter a whole number, and choose its unit."),
        "longest": _("The maximum is %(longest)s."),
    }

    def __init__(
        self,
        presets: Iterable[tuple[timedelta, Any]],
        *,
        longest: timedelta,
        none: Any = None,
        choice: type[ChoiceWidget] = forms.Select,
        **options: Any,
    ) -> None:
        super().__init__(widget=DurationWidget(choice), **options)
        self.longest = longest
        self._set_choices(
            [(str(int(each.total_seconds())), label) for each, label in presets],
            none=none,
            custom=_("another duration"),
        )

    def to_python(self, value: Any) -> timedelta | None:
        """Return what was chosen, or typed."""
        choice, number, unit = value or ("", "", "")
        if not self._is_custom(choice, number):
            return timedelta(seconds=int(choice)) if choice else None
        if not _NUMBER.fullmatch(number or "") or unit not in _UNITS:
            raise ValidationError(self.error_messages["number"], code="number")
        duration = timedelta(seconds=int(number) * _UNITS[unit])
        if duration > self.longest:
            params = {"longest": in_words(self.longest)}
            raise ValidationError(self.error_messages["longest"], code="longest", params=params)
        return duration


class MomentField(_PresetField):
    """One of some durations from now, or a day and time; nothing is ``None``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "moment": _("Enter a day and time, such as 2030-12-31T18:00."),
    }

    def __init__(self, presets: Iterable[timedelta], *, none: Any, **options: Any) -> None:
        super().__init__(widget=MomentWidget(), **options)
        now = timezone.now()
        self._set_choices(
            [(str(int(each.total_seconds())), _until(each, now=now)) for each in presets],
            none=none,
            custom=_("another day and time"),
        )

    def to_python(self, value: Any) -> datetime | None:
        """Return what was chosen, counted from now, or typed in the reader's time zone."""
        choice, typed = value or ("", "")
        if not self._is_custom(choice, typed):
            seconds = timedelta(seconds=int(choice or 0))
            return timezone.now().replace(microsecond=0) + seconds if choice else None
        moment: datetime = forms.DateTimeField(
            error_messages=dict.fromkeys(("invalid", "required"), self.error_messages["moment"])
        ).clean(typed)
        if moment.year > _LAST_YEAR:
            raise ValidationError(self.error_messages["moment"], code="moment")
        return moment


def _until(duration: timedelta, *, now: datetime) -> str:
    day = date_format(timezone.localtime(now + duration), "DATE_FORMAT")
    return gettext("in %(duration)s (%(day)s)") % {"duration": in_words(duration), "day": day}
