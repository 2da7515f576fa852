"""What may an operator write, and how does it become what the verbs take?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeGuard

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_exchange.conf import get_settings
from token_exchange.core.scopes import RESERVED_SCOPES, REVOCATIONS_SCOPE
from token_exchange.credentials import check_expiry
from token_exchange.models.validators import no_control_characters

if TYPE_CHECKING:
    from token_exchange.models import Credential

    _ModelForm = forms.ModelForm[Credential]
else:
    _ModelForm = forms.ModelForm

COMPROMISED: Final = "compromised"

_OVERLAPS: Final = (0, 3600, 86_400, 7 * 86_400)
"""Seconds."""

_METADATA_MAX_LENGTH: Final = 20_000
_METADATA_MAX_LEVELS: Final = 20


class StringListField(forms.Field):
    """A list of strings that have no spaces, one per line."""

    widget = AdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})

    def to_python(self, value: Any) -> list[str]:
        """Return the words."""
        return str(value or "").split()

    def prepare_value(self, value: Any) -> Any:
        """Return the text that shows a list; what was typed stays as it is."""
        return "\n".join(value) if isinstance(value, list) else value


class JSONObjectField(forms.Field):
    """A JSON object; what it may hold is the model's to say."""

    widget = AdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"})
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _('Enter a JSON object, for example {"team": "billing"}.'),
        "length": _("Enter no more than %(limit)d characters."),
    }

    def to_python(self, value: Any) -> dict[str, Any]:
        """Return the object; nothing at all is an empty one."""
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
        """Return the text that shows an object; what was typed stays as it is."""
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


_RESERVED_LABELS: Final = {
    REVOCATIONS_SCOPE: _("read what has been revoked, of all organizations"),
}


def _scopes_field(granted: list[str], *, may_grant_reserved: bool) -> forms.Field:
    registry = get_settings().scopes
    help_text = _("What its tokens may do. Removing a scope ends all existing tokens.")
    if not registry:
        return StringListField(
            required=False,
            help_text=_("%s Enter one per line, or separate them with spaces.") % help_text,
        )
    choices = [(scope, f"{scope}: {label}") for scope, label in registry.items()]
    for scope, label in _RESERVED_LABELS.items():
        if may_grant_reserved or scope in granted:
            choices.append((scope, f"{scope}: {label}"))
    # Shown, so that nobody removes them without knowing it.
    choices += [
        (scope, gettext("%s: no longer offered; clear this box") % scope)
        for scope in granted
        if scope not in registry and scope not in RESERVED_SCOPES
    ]
    return forms.MultipleChoiceField(
        required=False, choices=choices, widget=forms.CheckboxSelectMultiple, help_text=help_text
    )


class CredentialForm(_ModelForm):
    """What an operator decides about a credential, at its issue and later."""

    audience = StringListField(
        required=False,
        help_text=_(
            "The services that accept its tokens, one per line. Leave it empty for this service. "
            "Removing one ends all existing tokens."
        ),
    )
    allowed_networks = StringListField(
        required=False,
        help_text=_(
            "The networks from which it may be used, in CIDR notation, one per line: for example "
            "192.0.2.0/24 or 2001:db8::/32. Leave it empty to allow all."
        ),
    )
    metadata = JSONObjectField(
        required=False, help_text=_("Your own notes, as a JSON object. Do not store secrets here.")
    )

    may_grant_reserved: ClassVar[bool] = False
    """Whether who fills it in may grant the reserved scopes, and take them away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"] = _scopes_field(
            self.instance.scopes, may_grant_reserved=self.may_grant_reserved
        )
        for name in ("scopes", "audience", "allowed_networks", "metadata"):
            field: Any = self._meta.model._meta.get_field(name)
            self.fields[name].label = capfirst(field.verbose_name)

    def clean_scopes(self) -> Any:
        """Leave the reserved scopes to those who may grant them."""
        scopes: list[str] = self.cleaned_data["scopes"]
        touched = RESERVED_SCOPES.intersection(set(scopes) ^ set(self.instance.scopes))
        if touched and not self.may_grant_reserved:
            raise ValidationError(
                _("You have no permission to grant %(scopes)s, or to take it away."),
                code="reserved",
                params={"scopes": " ".join(sorted(touched))},
            )
        return scopes

    def clean_expires_at(self) -> Any:
        """Hold a changed expiry to the rules of a new one; the verb does so for a new one."""
        expires_at = self.cleaned_data["expires_at"]
        if self.instance.pk is not None and "expires_at" in self.changed_data:
            try:
                check_expiry(expires_at, now=timezone.now())
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return expires_at


def _duration(seconds: int) -> str:
    if seconds and seconds % 86_400 == 0:
        return ngettext("%d day", "%d days", seconds // 86_400) % (seconds // 86_400)
    if seconds and seconds % 3600 == 0:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    return ngettext("%d second", "%d seconds", seconds) % seconds


def overlap_choices() -> list[tuple[str, str]]:
    """Return what may become of the previous secret: the seconds that it lives, or a compromise."""
    settings = get_settings()
    longest = int(settings.max_overlap.total_seconds())
    offered = {*_OVERLAPS, _default_overlap()}
    return [
        *(
            (str(each), _duration(each) if each else gettext("none: the old secret stops now"))
            for each in sorted(offered)
            if each <= longest
        ),
        (COMPROMISED, gettext("compromised: end the old secrets and all tokens at once")),
    ]


def _default_overlap() -> int:
    settings = get_settings()
    return int(min(settings.default_overlap, settings.max_overlap).total_seconds())


class RotateForm(forms.Form):
    """How long the previous secret lives on."""

    overlap = forms.ChoiceField(
        label=_("How long the old secret keeps working"), widget=forms.RadioSelect
    )

    def __init__(self, credentials: list[Any], data: Any = None) -> None:
        super().__init__(data)
        choices = overlap_choices()
        now = timezone.now()
        if all(each.has_previous_secret(now=now) for each in credentials):
            # There can be only one previous secret.
            choices = [choice for choice in choices if choice[0] == COMPROMISED]
        else:
            self.fields["overlap"].initial = str(_default_overlap())
        self.fields["overlap"].choices = choices  # type: ignore[attr-defined]


class RevokeForm(forms.Form):
    """Why a credential ends."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        validators=[no_control_characters],
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text=_(
            "Stored with the credential, and shown to everybody who may see the credential."
        ),
    )


class ConfirmForm(forms.Form):
    """A question whose answer is the button."""


class RotateSigningKeyForm(forms.Form):
    """How the next signing key comes in."""

    all_new = forms.BooleanField(
        label=_("Replace all keys now; all existing tokens stop working"), required=False
    )
