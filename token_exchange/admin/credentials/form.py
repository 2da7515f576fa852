"""What does an operator decide about a credential, at its issue and later?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.credentials.json_fields import JSONObjectField, StringListField
from token_exchange.admin.credentials.permissions import may_grant_reserved, may_speak_for_others
from token_exchange.admin.preset_fields import DurationField, MomentField, in_words
from token_exchange.conf import get_settings
from token_exchange.issuer.credentials import check_expiry
from token_exchange.issuer.tokens import policy
from token_exchange.models.credential import Credential
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
_EXPIRIES: Final = [timedelta(days=30), timedelta(days=90), timedelta(days=365)]

_USUAL_EXPIRY: Final = timedelta(days=90)
"""What a form proposes: a key that nobody thinks of any more ends by itself."""

_RESERVED_LABELS: Final = {
    REVOCATIONS_SCOPE: _("Read what has been revoked, of all organizations"),
}


class CredentialForm(_ModelForm):
    """The policy of a credential; who fills it in decides what is offered."""

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

    operator: ClassVar[Any]
    """The user who fills it in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
            # The way back from a secret leads to an empty form: filled in, it would make a second.
            self.fields["name"].widget.attrs["autocomplete"] = "off"
        if "owner" in self.fields and not may_speak_for_others(self.operator):
            _leave_only(self.operator, self.fields["owner"])

    def clean_scopes(self) -> Any:
        """Leave the reserved scopes to those who may grant them."""
        scopes: list[str] = self.cleaned_data["scopes"]
        touched = RESERVED_SCOPES.intersection(set(scopes) ^ set(self.instance.scopes))
        if touched and not may_grant_reserved(self.operator):
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

    def clean(self) -> Any:
        """Refuse a lifetime that the organization's maximum would cut off."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        organization = cleaned.get("organization") or getattr(self.instance, "organization", None)
        longest = organization and organization.max_token_lifetime
        lifetime = cleaned.get("token_lifetime")
        if longest and lifetime and lifetime > longest and "token_lifetime" in self.changed_data:
            message = _("The maximum of this organization is %(longest)s.")
            params = {"longest": in_words(longest)}
            self.add_error("token_lifetime", ValidationError(message, params=params))
        return cleaned


def _scopes_field(granted: list[str], operator: Any) -> forms.Field:
    registry = get_settings().scopes
    help_text = _("What its tokens may do. Removing a scope ends all existing tokens.")
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
    # Shown, so that nobody removes them without knowing it.
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


def _lifetime_field(kind: str) -> DurationField:
    settings = get_settings()
    none = gettext("Organization default (%s)") % in_words(policy.default_lifetime(kind))
    help_text = _("How long each of its tokens works.")
    if kind == Credential.Kind.CLIENT_APP:
        help_text = _(
            "How long each of its tokens works. A token of 30 minutes or less is never handed out "
            "twice."
        )
    return DurationField(
        [(each, in_words(each)) for each in _LIFETIMES if each <= settings.max_token_lifetime],
        longest=settings.max_token_lifetime,
        none=none,
        required=False,
        help_text=help_text,
    )


def _expiry_field(credential: Credential) -> MomentField:
    longest = get_settings().max_key_lifetime
    offered = [each for each in _EXPIRIES if longest is None or each <= longest]
    is_new = credential.pk is None
    none: Any = gettext("never")
    if longest is not None and is_new:
        none = gettext("as late as allowed: in %s") % in_words(longest)
    usual = _USUAL_EXPIRY if _USUAL_EXPIRY in offered else None
    return MomentField(
        offered,
        none=none if longest is None or is_new or credential.expires_at is None else None,
        required=False,
        initial=[str(int(usual.total_seconds())), None] if is_new and usual else None,
        help_text=gettext("It can be moved later. A day and time is in the time zone %s.")
        % timezone.get_current_timezone_name(),
    )


def _leave_only(operator: Any, owner: Any) -> None:
    """Offer the operator himself as the owner, and nobody else."""
    owner.queryset = owner.queryset.filter(pk=operator.pk)
    owner.empty_label = gettext("nobody: it speaks for the organization")
    owner.widget = forms.Select()
    owner.widget.choices = owner.choices
