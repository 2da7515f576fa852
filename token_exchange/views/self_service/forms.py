"""What does a user choose for a new key, or for a new secret?"""

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
from token_exchange.models.validators import no_control_characters

LATEST: Final = "latest"
COMPROMISED: Final = "compromised"

_EXPIRIES: Final = tuple(timedelta(days=days) for days in (7, 30, 90, 365))
_USUAL: Final = timedelta(days=90)
_OVERLAPS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))


class KeyForm(forms.Form):
    """A new key, within what the user may have."""

    label = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=255,
        validators=[no_control_characters],
        help_text=gettext_lazy("By which you will know it, such as the program that uses it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expiry = forms.ChoiceField(label=gettext_lazy("Expires"))
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, bounds: CredentialPolicy, *, now: datetime, data: Any = None) -> None:
        super().__init__(data)
        self.now = now
        self._choose_from("expiry", list(_expiries(bounds, now=now)))
        usual = str(_USUAL.days)
        fields: dict[str, Any] = self.fields
        offered = dict(fields["expiry"].choices)
        self.initial["expiry"] = usual if usual in offered else LATEST
        labels = get_settings().scopes
        scopes = [(each, labels.get(each, each)) for each in sorted(bounds.scopes)]
        self._choose_from("scopes", scopes)
        if not scopes:
            del self.fields["scopes"]

    def _choose_from(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def key_request(self) -> KeyRequest:
        """Return what was chosen, of a form that is valid."""
        expiry = self.cleaned_data["expiry"]
        return KeyRequest(
            label=self.cleaned_data["label"],
            scopes=frozenset(self.cleaned_data.get("scopes", ())),
            expires_at=None if expiry == LATEST else self.now + timedelta(days=int(expiry)),
        )


class RotateForm(forms.Form):
    """A new secret, and what becomes of the old one."""

    overlap = forms.ChoiceField(
        label=gettext_lazy("The old secret"), widget=forms.RadioSelect, initial="0"
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    """Of the secret that the form was drawn for."""

    def __init__(self, key: Credential, *, now: datetime, data: Any = None) -> None:
        super().__init__(data, initial={"version": key.secret_version})
        field: Any = self.fields["overlap"]
        compromised = (COMPROMISED, _("has leaked: it ends now, with all tokens"))
        if key.has_previous_secret(now=now):
            field.choices = [compromised]
            field.initial = COMPROMISED
        else:
            field.choices = [("0", _("ends now")), *_overlaps(), compromised]


def _expiries(bounds: CredentialPolicy, *, now: datetime) -> Iterator[tuple[str, str]]:
    latest = latest_expiry(bounds, now=now)
    for each in _EXPIRIES:
        if latest is None or now + each <= latest:
            duration = ngettext("in %d day", "in %d days", each.days) % each.days
            yield str(each.days), f"{duration} ({_day(now + each)})"
    if latest is None:
        yield LATEST, _("never")
    else:
        yield LATEST, _("as late as you may choose (%(day)s)") % {"day": _day(latest)}


def _day(time: datetime) -> str:
    return date_format(timezone.localtime(time), "DATE_FORMAT")


def _overlaps() -> Iterator[tuple[str, str]]:
    longest = get_settings().max_overlap
    for each in _OVERLAPS:
        if each <= longest:
            hours = int(each.total_seconds()) // 3600
            if each.days:
                text = ngettext("works for another %d day", "works for another %d days", each.days)
            else:
                text = ngettext("works for another %d hour", "works for another %d hours", hours)
            yield str(int(each.total_seconds())), text % (each.days or hours)
