"""The forms of the actions: rotate, revoke, and rotate the signing key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.preset_fields import PresetDurationField
from token_exchange.conf import get_settings
from token_exchange.models.validators import no_control_characters
from token_exchange.views.durations import OVERLAP_PRESETS, duration_in_words

REVOCATION_REASONS: Final = (
    _("No longer needed"),
    _("Replaced by another credential"),
    _("The person or service has left"),
    _("Leaked, or suspected to be"),
)
"""Suggestions; any other reason can be typed."""


class RotateForm(forms.Form):
    """How long the previous secret keeps working."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        settings, now = get_settings(), timezone.now()
        default = min(settings.default_overlap, settings.max_overlap)
        presets = (timedelta(0), *OVERLAP_PRESETS, default)
        offered = {each for each in presets if each <= settings.max_overlap}
        self.fields["overlap"] = PresetDurationField(
            [(each, _overlap_label(each, now=now)) for each in sorted(offered)],
            longest=settings.max_overlap,
            choice=forms.RadioSelect,
            label=_("How long the old secret keeps working"),
            initial=default,
        )


def _overlap_label(overlap: timedelta, *, now: datetime) -> str:
    if not overlap:
        return gettext("Stop immediately")
    until = date_format(timezone.localtime(now + overlap), "DATETIME_FORMAT")
    return gettext("%(overlap)s (until %(until)s)") % {
        "overlap": duration_in_words(overlap),
        "until": until,
    }


class CompromiseForm(forms.Form):
    """Whether the credentials that were created or rotated with this one are kept."""

    keep_descendants = forms.BooleanField(
        label=_("Keep them and their secrets"),
        required=False,
        help_text=_("Choose this only if you know that nobody else has their secrets."),
    )


class RevokeForm(CompromiseForm):
    """Why a credential is revoked, and what happens to its descendants."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        validators=[no_control_characters],
        widget=forms.TextInput(
            attrs={"class": "vTextField", "autocomplete": "off", "list": "te-reasons"}
        ),
        help_text=_("Visible to anyone who can view this credential."),
    )


class ConfirmForm(forms.Form):
    """A confirmation without fields: the button is the answer."""


class RotateSigningKeyForm(forms.Form):
    """Whether the next signing key replaces all others immediately."""

    all_new = forms.BooleanField(
        label=_("Replace all keys now; all existing tokens stop working"), required=False
    )
