"""How does an operator see, issue, change, rotate and revoke API keys and client apps?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import credential_summary
from token_exchange.admin.act import act_of
from token_exchange.admin.base import ObjectPage, bulk_action
from token_exchange.admin.credentials.change_list import CredentialList
from token_exchange.admin.credentials.change_page import BY_ID, credential_context, is_searchable
from token_exchange.admin.credentials.edit_conflict import changed_meanwhile
from token_exchange.admin.credentials.form import CredentialForm
from token_exchange.admin.credentials.issue_page import issue_page
from token_exchange.admin.credentials.permissions import may_hold_secret
from token_exchange.admin.credentials.previous_secret import end_overlap_page
from token_exchange.admin.credentials.rotate_page import compromise_page, rotate_page
from token_exchange.admin.filters import OrganizationFilter, StateFilter, SubjectFilter
from token_exchange.admin.revoke_page import revoke_credentials_page
from token_exchange.issuer import credentials as verbs
from token_exchange.models import Credential

_MORE: Any = (
    _("More: audience, networks, notes"),
    {"fields": ("audience", "allowed_networks", "metadata"), "classes": ("collapse",)},
)
_NARROWING = _(
    "A change that allows less than before ends all tokens of the credential. Clients get new "
    "tokens with their next exchange."
)


class CredentialAdmin(CredentialList):
    """What API keys and client apps have in common, which is nearly all."""

    form = CredentialForm
    audit_target = "identifier"
    add_form_template = "token_exchange/admin/issue.html"
    change_form_template = "token_exchange/admin/credential.html"
    raw_id_fields = ("organization", "owner")
    actions = (
        bulk_action("rotate", _("Rotate selected %(verbose_name_plural)s")),
        bulk_action("compromise", _("Rotate selected %(verbose_name_plural)s that leaked")),
        bulk_action("revoke", _("Revoke selected %(verbose_name_plural)s")),
    )
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {
        "rotate": ObjectPage("rotate", rotate_page, _("Rotate"), permits=may_hold_secret),
        "end_overlap": ObjectPage("rotate", end_overlap_page),
        "compromise": ObjectPage(
            "rotate", compromise_page, _("Compromised"), permits=may_hold_secret, is_danger=True
        ),
        "revoke": ObjectPage("revoke", revoke_credentials_page, _("Revoke"), is_danger=True),
    }

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override] # Django names all the others
        """Return a form that knows who fills it in, and so what he may grant, and for whom."""
        form_class: Any = super().get_form(request, obj, **kwargs)
        form_class.operator = request.user
        return form_class

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what an issue asks for, or what may be edited; the rest stands above it."""
        policy = ("name", "scopes", "token_lifetime", "expires_at")
        if obj is None:
            return ((None, {"fields": (*self.who, *policy)}), _MORE)
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": ("name", credential_summary.metadata)}),)
        return ((None, {"fields": policy, "description": _NARROWING}), _MORE)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is shown, but not edited, to those who may only look."""
        return (
            ()
            if obj is None or self.has_change_permission(request, obj)
            else (credential_summary.metadata,)
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Say above the form what is to be known of a credential: no digest."""
        if (obj := kwargs.get("obj")) is not None:
            context |= credential_context(self, request, obj)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Return those of ``who`` that this user can search for; others are asked by their id.

        So are all where the page was opened by the link for those without JavaScript.
        """
        if BY_ID in request.GET:
            return []
        return [name for name in self.who if is_searchable(self.admin_site, request, name)]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change a revoked credential: it would have no effect."""
        is_over = obj is not None and obj.revoked_at is not None
        return not is_over and super().has_change_permission(request, obj)

    def is_open_to(self, verb: str, obj: Credential) -> bool:
        """Tell whether the credential can be rotated or revoked; an expired one only revoked."""
        is_over = obj.revoked_at is not None
        return not (is_over if verb == "revoke" else obj.has_ended(now=timezone.now()))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Issue a credential."""
        return issue_page(self, request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the credential, or save what was edited of it as it was shown."""
        told = changed_meanwhile(self, request, object_id)
        return told or super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Edit the credential, with an audit event."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        verbs.edit(obj, changes, act=act_of(request))


class APIKeyAdmin(CredentialAdmin):
    """API keys, which may speak for a user."""

    who = ("organization", "owner")
    list_filter: ClassVar[Any] = (StateFilter, SubjectFilter, OrganizationFilter)
    search_help_text = _(
        "Search by the full identifier, the beginning of a name, or the full username of the owner"
    )


class ClientAppAdmin(CredentialAdmin):
    """Client apps, which always speak for their organization."""
