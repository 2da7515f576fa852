"""How does an operator see, issue, change, rotate and revoke API keys and client apps?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.admin.utils import flatten_fieldsets
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_exchange import credentials as verbs
from token_exchange.admin import columns
from token_exchange.admin.credential_list import CredentialList
from token_exchange.admin.desk import ObjectPage, bulk_action
from token_exchange.admin.filters import OrganizationFilter, StateFilter, SubjectFilter
from token_exchange.admin.forms import CredentialForm
from token_exchange.admin.issuing import issue_page
from token_exchange.admin.permitting import may_grant_reserved, may_hold_secret
from token_exchange.admin.revoking import revoke_credentials_page
from token_exchange.admin.rotating import end_overlap_page, rotate_page
from token_exchange.models import Credential
from token_exchange.models.states import State
from token_exchange.transport import client_address

_POLICY: Any = (
    _("Policy"),
    {
        "fields": ("scopes", "audience", "token_lifetime", "expires_at", "allowed_networks"),
        "description": _(
            "A change that allows less than before ends all tokens of the credential. Clients get "
            "new tokens with their next exchange."
        ),
    },
)
_NOTES: Any = (_("Notes"), {"fields": ("metadata",)})


class CredentialAdmin(CredentialList):
    """What API keys and client apps have in common, which is nearly all."""

    form = CredentialForm
    audit_target = "identifier"
    add_form_template = "token_exchange/admin/issue.html"
    raw_id_fields = ("organization", "owner")
    actions = (
        bulk_action("rotate", _("Rotate selected %(verbose_name_plural)s")),
        bulk_action("revoke", _("Revoke selected %(verbose_name_plural)s")),
    )
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {
        "rotate": ObjectPage("rotate", rotate_page, _("Rotate"), permits=may_hold_secret),
        "end_overlap": ObjectPage("rotate", end_overlap_page),
        "revoke": ObjectPage("revoke", revoke_credentials_page, _("Revoke")),
    }

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override] # Django names all the others
        """Return a form that knows whether the request's user may grant every scope."""
        form_class: Any = super().get_form(request, obj, **kwargs)
        form_class.may_grant_reserved = may_grant_reserved(request.user)
        return form_class

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what an issue asks for, or all that may be seen of a credential: no digest."""
        if obj is None:
            return ((None, {"fields": (*self.who, "name")}), _POLICY, _NOTES)
        use = (self.live_tokens_column(request), columns.last_use, "secret_issued_at")
        previous = ("previous_secret_expires_at", columns.previous_secret_last_use)
        history = ("created_at", "created_by", "revoked_at", "revoked_by", "revocation_reason")
        return (
            (None, {"fields": ("name", "identifier", "state_badge", "subject_type", *self.who)}),
            _POLICY,
            _NOTES,
            (_("Use"), {"fields": (*use, *previous)}),
            (_("History"), {"fields": history}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return all but the policy of a credential that has been issued."""
        editable = {"name", *flatten_fieldsets((_POLICY, _NOTES))}
        shown = [] if obj is None else flatten_fieldsets(self.get_fieldsets(request, obj))
        return [name for name in shown if name not in editable]

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Return those of ``who`` that this user can search for; others are asked by their id."""
        return [name for name in self.who if self._is_searchable(name, request)]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change a revoked credential: it would have no effect."""
        is_over = obj is not None and obj.revoked_at is not None
        return not is_over and super().has_change_permission(request, obj)

    def is_open_to(self, verb: str, obj: Credential) -> bool:
        """Tell whether the credential can be rotated or revoked; an expired one only revoked."""
        closed = {State.REVOKED} if verb == "revoke" else {State.REVOKED, State.EXPIRED}
        return obj.state(now=timezone.now()) not in closed

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Issue a credential."""
        return issue_page(self, request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save an edit by the verb that records it."""
        origin = client_address(request)
        verbs.change(obj, now=timezone.now(), by=request.user, origin=origin)

    def _is_searchable(self, name: str, request: HttpRequest) -> bool:
        # Its list may be registered elsewhere, without a search, or not be for this user's eyes.
        related: Any = Credential._meta.get_field(name).related_model
        if not self.admin_site.is_registered(related):
            return False
        related_admin = self.admin_site.get_model_admin(related)
        return bool(related_admin.get_search_fields(request)) and (
            related_admin.has_view_permission(request)
        )


class APIKeyAdmin(CredentialAdmin):
    """API keys, which may speak for a user."""

    who = ("organization", "owner")
    list_filter: ClassVar[Any] = (StateFilter, SubjectFilter, OrganizationFilter)
    search_help_text = _(
        "Search by the full identifier, the beginning of a name, or the full username of the owner"
    )


class ClientAppAdmin(CredentialAdmin):
    """Client apps, which always speak for their organization."""
