"""What may an operator decide when a secret, a token or a signing key changes or ends?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.preset_fields import DurationField, in_words
from token_exchange.conf import get_settings
from token_exchange.models.validators import no_control_characters

_OVERLAPS: Final = [
    timedelta(0),
    timedelta(hours=1),
    timedelta(hours=24),
    timedelta(days=7),
]

REASONS: Final = (
    _("No longer needed"),
    _("Replaced by another credential"),
    _("The person or service has left"),
    _("Leaked, or suspected to be"),
)
"""Why credentials end, mostly; anything else can be written."""


class RotateForm(forms.Form):
    """How long the previous secret lives on."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        settings, now = get_settings(), timezone.now()
        default = min(settings.default_overlap, settings.max_overlap)
        offered = {each for each in (*_OVERLAPS, default) if each <= settings.max_overlap}
        self.fields["overlap"] = DurationField(
            [(each, _overlap_label(each, now=now)) for each in sorted(offered)],
            longest=settings.max_overlap,
            choice=forms.RadioSelect,
            label=_("How long the old secret keeps working"),
            initial=default,
        )


def _overlap_label(overlap: timedelta, *, now: datetime) -> str:
    if not overlap:
        return gettext("not at all: it stops now")
    until = date_format(timezone.localtime(now + overlap), "DATETIME_FORMAT")
    return gettext("%(overlap)s, until %(until)s") % {"overlap": in_words(overlap), "until": until}


class RevokeForm(forms.Form):
    """Why a credential ends."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=255,
        validators=[no_control_characters],
        widget=forms.TextInput(
            attrs={"class": "vTextField", "autocomplete": "off", "list": "te-reasons"}
        ),
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
