"""Form fields for lists of strings and JSON objects."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final, TypeGuard

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_METADATA_MAX_LENGTH: Final = 20_000
_METADATA_MAX_LEVELS: Final = 20


class StringListField(forms.Field):
    """A list of strings without spaces, one per line."""

    widget = AdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def to_python(self, value: Any) -> list[str]:
        """Return the strings."""
        return str(value or "").split()

    def prepare_value(self, value: Any) -> Any:
        """Return a list as text, and typed text unchanged."""
        return "\n".join(value) if isinstance(value, list) else value


class JSONObjectField(forms.Field):
    """A JSON object; the model validates its content."""

    widget = AdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _('Enter a JSON object, for example {"team": "billing"}.'),
        "length": _("Enter at most %(limit)d characters."),
    }

    def to_python(self, value: Any) -> dict[str, Any]:
        """Return the object; empty text is an empty object."""
        if not str(value or "").strip():
            return {}
        if len(value) > _METADATA_MAX_LENGTH:
            params = {"limit": _METADATA_MAX_LENGTH}
            raise ValidationError(self.error_messages["length"], code="length", params=params)
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if not _is_shallow_object(parsed):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return parsed

    def prepare_value(self, value: Any) -> Any:
        """Return an object as text, and typed text unchanged."""
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
        return value


def _is_shallow_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and _is_shallow(value, levels=_METADATA_MAX_LEVELS)


def _is_shallow(value: Any, *, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels=levels - 1) for each in inner)
