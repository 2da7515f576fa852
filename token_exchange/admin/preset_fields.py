"""Form fields for a duration or a time: a choice of presets, or a custom value."""

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
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_exchange.views.durations import UNITS, duration_in_words, number_and_unit

CUSTOM: Final = "custom"
"""The choice that the other inputs belong to; without JavaScript they are always visible."""

_UNIT_LABELS: Final = {
    "minutes": _("minutes"),
    "hours": _("hours"),
    "days": _("days"),
    "seconds": _("seconds"),
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_LAST_YEAR: Final = 9998
"""Python cannot convert the last hours of 9999 to every time zone."""


class PresetWidget(forms.MultiWidget):
    """A choice of presets, and the inputs for a custom value."""

    template_name = "token_exchange/admin/preset_widget.html"
    use_fieldset = False

    def id_for_label(self, id_: str) -> str:
        """Return the id of the choice, which represents the whole widget."""
        return id_

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Give the choice the id that the label and the help text refer to."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        widget = context["widget"]
        widget["subwidgets"][0]["attrs"]["id"] = widget["attrs"]["id"]
        return context


class PresetDurationWidget(PresetWidget):
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
        """Return the matching preset, or the custom number and unit."""
        if value is None:
            return ["", None, "minutes"]
        seconds = str(int(value.total_seconds()))
        choice: Any = self.widgets[0]
        if seconds in dict(choice.choices):
            return [seconds, None, "minutes"]
        return [CUSTOM, *number_and_unit(value)]


class PresetDateTimeWidget(PresetWidget):
    """A choice of durations from now, or a date and time."""

    supports_microseconds = False

    def __init__(self) -> None:
        attrs = {"type": "datetime-local", "aria-label": _("Date and time")}
        at = forms.DateTimeInput(attrs, format="%Y-%m-%dT%H:%M:%S")
        super().__init__({"": forms.Select(), "at": at})

    def decompress(self, value: datetime | None) -> list[Any]:
        """Return a time as a custom date and time."""
        return ["", None] if value is None else [CUSTOM, to_current_timezone(value)]


class _PresetField(forms.Field):
    widget: Any
    default_error_messages: ClassVar[dict[str, Any]] = {
        "choice": _("Choose one of the options."),
        "ambiguous": _(
            "To use the custom value, choose the last option. Otherwise leave the value empty."
        ),
    }

    def _set_choices(self, presets: Iterable[tuple[str, Any]], *, none: Any, custom: Any) -> None:
        first = [] if none is None else [("", none)]
        choices = [*first, *presets, (CUSTOM, custom)]
        self.widget.widgets[0].choices = choices
        self._offered = {value for value, _label in choices}

    def _is_custom(self, choice: Any, typed: Any) -> bool:
        # A choice that was not sent is the empty one, as for any missing form field.
        choice = choice or ""
        if choice and choice not in self._offered:
            raise ValidationError(self.error_messages["choice"], code="choice")
        if choice != CUSTOM and typed not in (None, ""):
            raise ValidationError(self.error_messages["ambiguous"], code="ambiguous")
        return bool(choice == CUSTOM)


class PresetDurationField(_PresetField):
    """A preset duration, or a custom one of at most ``longest``; empty is ``None``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "number": _("Enter a whole number and choose a unit."),
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
        super().__init__(widget=PresetDurationWidget(choice), **options)
        self.longest = longest
        self._set_choices(
            [(str(int(each.total_seconds())), label) for each, label in presets],
            none=none,
            custom=_("Another duration"),
        )

    def to_python(self, value: Any) -> timedelta | None:
        """Return the chosen or typed duration."""
        choice, number, unit = value or ("", "", "")
        if not self._is_custom(choice, number):
            return timedelta(seconds=int(choice)) if choice else None
        if not _NUMBER.fullmatch(number or "") or unit not in UNITS:
            raise ValidationError(self.error_messages["number"], code="number")
        duration = timedelta(seconds=int(number) * UNITS[unit])
        if duration > self.longest:
            params = {"longest": duration_in_words(self.longest)}
            raise ValidationError(self.error_messages["longest"], code="longest", params=params)
        return duration


class PresetDateTimeField(_PresetField):
    """A preset duration from now, or a custom date and time; empty is ``None``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "datetime": _("Enter a date and time, for example 2030-12-31T18:00."),
    }

    def __init__(self, presets: Iterable[timedelta], *, none: Any, **options: Any) -> None:
        super().__init__(widget=PresetDateTimeWidget(), **options)
        now = timezone.now()
        self._set_choices(
            [(str(int(each.total_seconds())), _until(each, now=now)) for each in presets],
            none=none,
            custom=_("Another date and time"),
        )

    def to_python(self, value: Any) -> datetime | None:
        """Return the chosen duration from now, or the time typed in the current time zone."""
        choice, typed = value or ("", "")
        if not self._is_custom(choice, typed):
            seconds = timedelta(seconds=int(choice or 0))
            return timezone.now().replace(microsecond=0) + seconds if choice else None
        time: datetime = forms.DateTimeField(
            error_messages=dict.fromkeys(("invalid", "required"), self.error_messages["datetime"])
        ).clean(typed)
        if time.year > _LAST_YEAR:
            raise ValidationError(self.error_messages["datetime"], code="datetime")
        return time


def _until(duration: timedelta, *, now: datetime) -> str:
    day = date_format(timezone.localtime(now + duration), "DATE_FORMAT")
    return gettext("In %(duration)s (%(day)s)") % {
        "duration": duration_in_words(duration),
        "day": day,
    }
