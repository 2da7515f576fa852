"""Forms in which users create and rotate their own API keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from token_exchange.conf import get_settings
from token_exchange.issuer.credentials import CredentialPolicy
from token_exchange.issuer.self_service import KeyRequest, latest_expiry
from token_exchange.models import Credential
from token_exchange.models.validators import no_control_characters, refuse_secrets
from token_exchange.views.durations import DEFAULT_EXPIRY, EXPIRY_PRESETS, OVERLAP_PRESETS

LATEST: Final = "latest"
COMPROMISED: Final = "compromised"
KEEP_DESCENDANTS: Final = "keep_descendants"
"""The checkbox that keeps the keys that were created or rotated with a key."""


class KeyForm(forms.Form):
    """Create a key within the user's bounds."""

    label = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=255,
        validators=[no_control_characters, refuse_secrets],
        help_text=gettext_lazy("A name to recognize it by, such as the app that uses it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expiry = forms.ChoiceField(label=gettext_lazy("Expires"))
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, bounds: CredentialPolicy, *, now: datetime, data: Any = None) -> None:
        super().__init__(data)
        self.now = now
        self._set_choices("expiry", list(_expiries(bounds, now=now)))
        default = str(DEFAULT_EXPIRY.days)
        fields: dict[str, Any] = self.fields
        offered = dict(fields["expiry"].choices)
        self.initial["expiry"] = default if default in offered else LATEST
        labels = get_settings().scopes
        scopes = [(each, labels.get(each, each)) for each in sorted(bounds.scopes)]
        self._set_choices("scopes", scopes)
        if not scopes:
            del self.fields["scopes"]

    def _set_choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def key_request(self) -> KeyRequest:
        """Return the key that a valid form describes."""
        expiry = self.cleaned_data["expiry"]
        return KeyRequest(
            label=self.cleaned_data["label"],
            scopes=frozenset(self.cleaned_data.get("scopes", ())),
            expires_at=None if expiry == LATEST else self.now + timedelta(days=int(expiry)),
        )


class RotateForm(forms.Form):
    """Rotate a key, with or without an overlap."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("Old secret"), widget=forms.RadioSelect, initial="0"
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    """The secret version that the form was rendered for."""
    keep_descendants = forms.BooleanField(required=False)

    def __init__(self, key: Credential, *, now: datetime, data: Any = None) -> None:
        super().__init__(data, initial={"version": key.secret_version})
        field: Any = self.fields["overlap"]
        compromised = (COMPROMISED, _("Leaked: stop it and revoke all tokens immediately"))
        if key.has_previous_secret(now=now):
            field.choices = [compromised]
            field.initial = COMPROMISED
        else:
            field.choices = [("0", _("Stop immediately")), *_overlaps(now=now), compromised]


def _expiries(bounds: CredentialPolicy, *, now: datetime) -> Iterator[tuple[str, str]]:
    latest = latest_expiry(bounds, now=now)
    for each in EXPIRY_PRESETS:
        if latest is None or now + each <= latest:
            duration = ngettext("In %d day", "In %d days", each.days) % each.days
            yield str(each.days), f"{duration} ({_day(now + each)})"
    if latest is None:
        yield LATEST, _("Never")
    else:
        yield LATEST, _("Latest allowed (%(day)s)") % {"day": _day(latest)}


def _day(time: datetime) -> str:
    return date_format(timezone.localtime(time), "DATE_FORMAT")


def _overlaps(*, now: datetime) -> Iterator[tuple[str, str]]:
    for each in OVERLAP_PRESETS:
        if each <= get_settings().max_overlap:
            hours = int(each.total_seconds()) // 3600
            if each.days:
                duration = ngettext("Keep for %d day", "Keep for %d days", each.days) % each.days
            else:
                duration = ngettext("Keep for %d hour", "Keep for %d hours", hours) % hours
            until = date_format(timezone.localtime(now + each), "DATETIME_FORMAT")
            yield (
                str(int(each.total_seconds())),
                _("%(duration)s (until %(time)s)") % {"duration": duration, "time": until},
            )
