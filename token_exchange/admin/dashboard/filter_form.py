"""The form that filters the dashboard by organization and credential, and its periods."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.widgets import AdminTextInputWidget, AutocompleteSelect
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.tenant_access import is_limited, permitted_organizations
from token_exchange.models import Credential, get_organization_model

DAY: Final = "day"
PERIODS: Final = {DAY: (24, _("24 hours")), "week": (168, _("7 days"))}
"""The hours and the label of each period."""


class FilterForm(forms.Form):
    """The parameters in the dashboard's URL."""

    organization: Any = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label=_("Organization"),
        empty_label=_("All"),
        error_messages={"invalid_choice": _("No such organization.")},
    )
    credential = forms.CharField(
        required=False,
        max_length=64,
        label=_("Credential"),
        help_text=_("Enter the full identifier."),
        widget=AdminTextInputWidget(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, request: HttpRequest, *, site: AdminSite) -> None:
        super().__init__(request.GET, auto_id="te-%s", label_suffix="")
        field: Any = self.fields["organization"]
        field.queryset = permitted_organizations(request.user)
        if not is_limited(request.user):
            field.widget = _widget(request, site)
            field.widget.choices = field.choices

    def clean(self) -> None:
        """Clear an invalid organization, because the autocomplete widget would look it up."""
        if self.has_error("organization"):
            self.data = {name: each for name, each in self.data.items() if name != "organization"}

    @property
    def period(self) -> str:
        """A key of ``PERIODS``."""
        asked = self.data.get("period", DAY)
        return asked if asked in PERIODS else DAY


def _widget(request: HttpRequest, site: AdminSite) -> forms.Widget:
    """Return an autocomplete, or an input for the primary key if the user can't search."""
    model = get_organization_model()
    if not site.is_registered(model):
        return AdminTextInputWidget()
    model_admin = site.get_model_admin(model)
    if not model_admin.get_search_fields(request) or not model_admin.has_view_permission(request):
        return AdminTextInputWidget()
    return AutocompleteSelect(Credential._meta.get_field("organization"), site)
