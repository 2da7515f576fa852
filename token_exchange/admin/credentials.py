"""How does an operator see, issue, change, rotate and revoke API keys and client apps?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from token_exchange import credentials as verbs
from token_exchange.admin.desk import DeskAdmin, ObjectPage, bulk_action
from token_exchange.admin.forms import CredentialForm
from token_exchange.admin.issuing import issue_page
from token_exchange.admin.lists import OrganizationFilter, StateFilter, badge, count_live_tokens
from token_exchange.admin.permitting import may_hold_secret
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


class CredentialAdmin(DeskAdmin):
    """What API keys and client apps have in common, which is nearly all."""

    organization_path = "organization"
    form = CredentialForm
    add_form_template = "token_exchange/admin/issue.html"
    who: ClassVar[tuple[str, ...]] = ("organization",)
    raw_id_fields = ("organization", "owner")
    list_select_related = ("organization", "owner")
    list_filter = (StateFilter, OrganizationFilter)
    search_fields = ("identifier", "name")
    search_help_text = _("Search by identifier or name")
    sortable_by = ("named_identifier", "last_used_at", "expires_at")
    actions = (
        bulk_action("rotate", _("Rotate selected %(verbose_name_plural)s")),
        bulk_action("revoke", _("Revoke selected %(verbose_name_plural)s")),
    )
    object_pages: ClassVar[Mapping[str, ObjectPage]] = {
        "rotate": ObjectPage("rotate", rotate_page, _("Rotate"), permits=may_hold_secret),
        "end_overlap": ObjectPage("rotate", end_overlap_page),
        "revoke": ObjectPage("revoke", revoke_credentials_page, _("Revoke")),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the credentials of this kind, each with the number of its live tokens."""
        live = count_live_tokens(now=timezone.now())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(live_token_count=live)
        return rows

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the columns."""
        return (
            "named_identifier",
            "state_badge",
            "live_tokens",
            "last_used_at",
            "expires_at",
            *self.who,
            "scope_list",
        )

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override] # Django names all the others
        """Return a form that knows whether the request's user may grant every scope."""
        form_class: Any = super().get_form(request, obj, **kwargs)
        permission = f"{self.opts.app_label}.grant_revocations"
        form_class.may_grant_reserved = request.user.has_perm(permission)
        return form_class

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what an issue asks for, or all that may be seen of a credential: no digest."""
        if obj is None:
            return ((None, {"fields": (*self.who, "name")}), _POLICY, _NOTES)
        use = ("live_tokens", "last_used_at", "secret_issued_at")
        previous = ("previous_secret_expires_at", "previous_secret_last_used_at")
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

    @admin.display(description=_("name"), ordering="name")
    def named_identifier(self, credential: Credential) -> SafeString:
        """Show the name, and by what the credential is known outside."""
        return format_html("{}<br><code>{}</code>", credential.name, credential.identifier)

    @admin.display(description=_("state"))
    def state_badge(self, credential: Credential) -> SafeString:
        """Show the state."""
        return badge(credential.state(now=timezone.now()))

    @admin.display(description=_("live tokens"))
    def live_tokens(self, credential: Any) -> int:
        """Show how many of its tokens work now."""
        return int(credential.live_token_count)

    @admin.display(description=_("scopes"))
    def scope_list(self, credential: Credential) -> str:
        """Show the scopes."""
        return " ".join(credential.scopes)

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


class ClientAppAdmin(CredentialAdmin):
    """Client apps, which always speak for their organization."""
