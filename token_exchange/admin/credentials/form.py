"""The form that issues and edits a credential."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.credentials.json_fields import JSONObjectField, StringListField
from token_exchange.admin.credentials.permissions import (
    may_act_as_others,
    may_grant_reserved,
    may_widen,
)
from token_exchange.admin.preset_fields import PresetDateTimeField, PresetDurationField
from token_exchange.conf import get_settings
from token_exchange.issuer.credentials import check_expiry
from token_exchange.issuer.tokens import policy
from token_exchange.models.credential import Credential
from token_exchange.models.credential_policy import POLICY_FIELDS, CredentialPolicy
from token_exchange.views.durations import DEFAULT_EXPIRY, EXPIRY_PRESETS, duration_in_words
from token_exchange_core.scopes import RESERVED_SCOPES, REVOCATIONS_SCOPE

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Credential]
else:
    _ModelForm = forms.ModelForm

_LIFETIMES: Final = [
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=8),
    timedelta(hours=24),
]
_RESERVED_LABELS: Final = {
    REVOCATIONS_SCOPE: _("Read the revocation feed (all organizations)"),
}


class CredentialForm(_ModelForm):
    """A credential's policy; the operator's permissions decide which choices it offers."""

    audience = StringListField(
        required=False,
        help_text=_(
            "The services that accept its tokens, one per line. Leave empty for this service. "
            "Removing one revokes all active tokens."
        ),
    )
    allowed_networks = StringListField(
        required=False,
        help_text=_(
            "The networks it can be used from, in CIDR notation, one per line: for example "
            "192.0.2.0/24 or 2001:db8::/32. Leave empty to allow all."
        ),
    )
    metadata = JSONObjectField(
        required=False, help_text=_("Your own notes, as a JSON object. Don't store secrets here.")
    )

    def __init__(self, *args: Any, operator: Any, **kwargs: Any) -> None:
        """Take the user who fills in the form as ``operator``."""
        super().__init__(*args, **kwargs)
        self.operator = operator
        fields: dict[str, forms.Field] = {
            "scopes": _scopes_field(self.instance.scopes, self.operator),
            "token_lifetime": _lifetime_field(self._meta.model.KIND),
            "expires_at": _expiry_field(self.instance),
        }
        self.fields.update({name: each for name, each in fields.items() if name in self.fields})
        for name in (*fields, "audience", "allowed_networks", "metadata"):
            if name in self.fields:
                label = self._meta.model._meta.get_field(name).verbose_name  # type: ignore[union-attr] # none of them is a generic key
                self.fields[name].label = capfirst(label)
        if "name" in self.fields:
            # The browser's back button leads from the secret to this form. Filled in, it would
            # create a second credential.
            self.fields["name"].widget.attrs["autocomplete"] = "off"
        if "owner" in self.fields and not may_act_as_others(self.operator):
            _offer_only(self.operator, self.fields["owner"])

    def clean_scopes(self) -> list[str]:
        """Refuse a change of reserved scopes without the permission to grant them."""
        scopes: list[str] = self.cleaned_data["scopes"]
        touched = RESERVED_SCOPES.intersection(set(scopes) ^ set(self.instance.scopes))
        if touched and not may_grant_reserved(self.operator):
            raise ValidationError(
                _("You don't have permission to grant or remove %(scopes)s."),
                code="reserved",
                params={"scopes": " ".join(sorted(touched))},
            )
        return scopes

    def clean_expires_at(self) -> datetime | None:
        """Validate a changed expiry; ``issue`` validates that of a new credential."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if self.instance.pk is not None and "expires_at" in self.changed_data:
            try:
                check_expiry(expires_at, now=timezone.now())
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return expires_at

    def clean(self) -> dict[str, Any]:
        """Refuse a token lifetime beyond the organization's maximum."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        longest = organization and organization.max_token_lifetime
        lifetime = cleaned.get("token_lifetime")
        if longest and lifetime and lifetime > longest and "token_lifetime" in self.changed_data:
            message = _("This organization's maximum is %(longest)s.")
            params = {"longest": duration_in_words(longest)}
            self.add_error("token_lifetime", ValidationError(message, params=params))
        if self.instance.pk is not None and not may_widen(self.operator, self.instance):
            self._refuse_to_widen(cleaned)
        return cleaned

    def _refuse_to_widen(self, cleaned: dict[str, Any]) -> None:
        """Add an error to each changed field of the policy that allows more than before."""
        stored = CredentialPolicy.of(self.instance)
        for name in POLICY_FIELDS:
            if name not in self.changed_data or name not in cleaned:
                continue
            columns = stored.as_columns() | {name: cleaned[name]}
            if CredentialPolicy.from_columns(columns).widens(stored):
                message = _("You don't have permission to give another user's key more access.")
                self.add_error(name, ValidationError(message, code="widened"))


def _scopes_field(granted: list[str], operator: Any) -> forms.Field:
    registry = get_settings().scopes
    help_text = _("What its tokens can do. Removing a scope revokes all active tokens.")
    if not registry:
        return StringListField(
            required=False,
            help_text=_("%s Enter one per line, or separate them with spaces.") % help_text,
        )
    reserved = {
        scope: label
        for scope, label in _RESERVED_LABELS.items()
        if may_grant_reserved(operator) or scope in granted
    }
    # Shown, so that saving the form does not remove them unnoticed.
    gone = {
        scope: gettext("No longer offered; clear this box")
        for scope in granted
        if scope not in registry and scope not in RESERVED_SCOPES
    }
    choices = [
        (scope, _scope_label(scope, label))
        for scope, label in {**registry, **reserved, **gone}.items()
    ]
    return forms.MultipleChoiceField(
        required=False, choices=choices, widget=forms.CheckboxSelectMultiple, help_text=help_text
    )


def _scope_label(scope: str, label: Any) -> SafeString:
    return format_html('<span class="te-scope">{}</span> <code>{}</code>', label, scope)


def _lifetime_field(kind: str) -> PresetDurationField:
    settings = get_settings()
    default = duration_in_words(policy.default_lifetime(kind))
    none = gettext("Organization default (otherwise %s)") % default
    help_text = _("How long each of its tokens works.")
    if kind == Credential.Kind.CLIENT_APP:
        help_text = _(
            "How long each of its tokens works. Tokens of 30 minutes or less are not reused."
        )
    return PresetDurationField(
        [
            (each, duration_in_words(each))
            for each in _LIFETIMES
            if each <= settings.max_token_lifetime
        ],
        longest=settings.max_token_lifetime,
        none=none,
        required=False,
        help_text=help_text,
    )


def _expiry_field(credential: Credential) -> PresetDateTimeField:
    longest = get_settings().max_key_lifetime
    offered = [each for each in EXPIRY_PRESETS if longest is None or each <= longest]
    is_new = credential.pk is None
    none: Any = gettext("Never")
    if longest is not None and is_new:
        none = gettext("Latest allowed (in %s)") % duration_in_words(longest)
    default = DEFAULT_EXPIRY if DEFAULT_EXPIRY in offered else None
    return PresetDateTimeField(
        offered,
        none=none if longest is None or is_new or credential.expires_at is None else None,
        required=False,
        initial=[str(int(default.total_seconds())), None] if is_new and default else None,
        help_text=gettext("You can change this later. Custom times are in %s.")
        % timezone.get_current_timezone_name(),
    )


def _offer_only(operator: Any, owner: Any) -> None:
    """Offer the operator as the only owner."""
    owner.queryset = owner.queryset.filter(pk=operator.pk)
    owner.empty_label = gettext("None (organization key)")
    owner.widget = forms.Select()
    owner.widget.choices = owner.choices
