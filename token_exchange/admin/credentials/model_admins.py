"""The model admins of API keys and client apps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange.admin import credential_summary
from token_exchange.admin.act import act_of
from token_exchange.admin.base import ObjectAction, bulk_action
from token_exchange.admin.credentials.change_list import CredentialListAdmin
from token_exchange.admin.credentials.change_page import (
    BY_ID,
    change_form_context,
    is_searchable,
)
from token_exchange.admin.credentials.edit_conflict import edit_conflict_response
from token_exchange.admin.credentials.form import CredentialForm
from token_exchange.admin.credentials.issue_page import issue_view
from token_exchange.admin.credentials.permissions import may_see_secret
from token_exchange.admin.credentials.previous_secret import end_overlap_view
from token_exchange.admin.credentials.revoke_page import revoke_credentials_view
from token_exchange.admin.credentials.rotate_page import rotate_compromised_view, rotate_view
from token_exchange.admin.filters import OrganizationFilter, StateFilter, SubjectFilter
from token_exchange.issuer import credentials as verbs
from token_exchange.models import Credential

_MORE: Any = (
    _("More: audience, networks, notes"),
    {"fields": ("audience", "allowed_networks", "metadata"), "classes": ("collapse",)},
)
_NARROWING = _(
    "Reducing access (scopes, audience, lifetime or expiry) revokes the credential's active "
    "tokens. Clients get new ones at their next exchange."
)


class CredentialAdmin(CredentialListAdmin):
    """What API keys and client apps have in common."""

    form = CredentialForm
    audit_target = "identifier"
    add_form_template = "token_exchange/admin/issue.html"
    change_form_template = "token_exchange/admin/credential.html"
    raw_id_fields = ("organization", "owner")
    actions = (
        bulk_action("rotate", _("Rotate selected %(verbose_name_plural)s")),
        bulk_action("rotate_compromised", _("Rotate selected %(verbose_name_plural)s as leaked")),
        bulk_action("revoke", _("Revoke selected %(verbose_name_plural)s")),
    )
    object_actions: ClassVar[Mapping[str, ObjectAction]] = {
        "rotate": ObjectAction("rotate", rotate_view, _("Rotate"), is_permitted=may_see_secret),
        "end_overlap": ObjectAction("rotate", end_overlap_view),
        "rotate_compromised": ObjectAction(
            "rotate",
            rotate_compromised_view,
            _("Rotate: leaked…"),
            is_permitted=may_see_secret,
            is_destructive=True,
        ),
        "revoke": ObjectAction("revoke", revoke_credentials_view, _("Revoke"), is_destructive=True),
    }

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override] # Django names all the others
        """Return the form class, bound to the operator, whose permissions it checks."""
        form_class: Any = super().get_form(request, obj, **kwargs)
        return partial(form_class, operator=request.user)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of a new credential, or those that can be edited."""
        policy = ("name", "scopes", "token_lifetime", "expires_at")
        if obj is None:
            return ((None, {"fields": (*self.subject_fields, *policy)}), _MORE)
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": ("name", credential_summary.metadata)}),)
        return ((None, {"fields": policy, "description": _NARROWING}), _MORE)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the notes for users who may only view the credential."""
        return (
            ()
            if obj is None or self.has_change_permission(request, obj)
            else (credential_summary.metadata,)
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the summary of the credential, which contains no digest."""
        if (obj := kwargs.get("obj")) is not None:
            context |= change_form_context(self, request, obj)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Return the subject fields that the user can search; the others ask for an id.

        Without JavaScript, a link opens the form with ids only.
        """
        if BY_ID in request.GET:
            return []
        return [
            name for name in self.subject_fields if is_searchable(self.admin_site, request, name)
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change a revoked credential, which would have no effect."""
        is_revoked = obj is not None and obj.revoked_at is not None
        return not is_revoked and super().has_change_permission(request, obj)

    def is_applicable(self, permission: str, obj: Credential) -> bool:
        """Return whether the credential can be rotated or revoked; an expired one only revoked."""
        is_revoked = obj.revoked_at is not None
        return not (is_revoked if permission == "revoke" else obj.has_ended(now=timezone.now()))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Issue a credential."""
        return issue_view(self, request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save the credential; answer 409 if someone else changed it in between."""
        conflict = edit_conflict_response(self, request, object_id)
        return conflict or super().change_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Edit the credential, with an audit event."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        verbs.edit(obj, changes, act=act_of(request))


class APIKeyAdmin(CredentialAdmin):
    """API keys, which may act as a user."""

    subject_fields = ("organization", "owner")
    list_filter: ClassVar[Any] = (StateFilter, SubjectFilter, OrganizationFilter)
    search_help_text = _(
        "Search by full identifier, the beginning of a name, or the owner's full username"
    )


class ClientAppAdmin(CredentialAdmin):
    """Client apps, which always act as their organization."""
