"""The admin of organizations."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from token_exchange.admin.act import act_of
from token_exchange.admin.pagination import BoundedPaginator
from token_exchange.admin.search import SearchableAdmin, organizations_matching
from token_exchange.admin.tenant_access import is_limited
from token_exchange.admin.tenant_scoped import TenantScopedAdmin
from token_exchange.issuer import organizations
from token_exchange.models import APIKey, ClientApp

_NOT_FOR_LIMITED: Final = ("slug", "is_active", "max_token_lifetime")
"""A limited operator must not lift restrictions, or take the slug that commands expect."""


class OrganizationAdmin(SearchableAdmin, TenantScopedAdmin):
    """Organizations and their token policy; one with credentials cannot be deleted."""

    organization_path = "pk"
    list_display = (
        "name",
        "slug",
        "is_active",
        "credential_links",
        "default_token_lifetime",
        "max_token_lifetime",
    )
    list_filter = ("is_active",)
    search_fields = ("slug",)
    search_help_text = _("Search by full slug or the beginning of a name")
    search_condition = staticmethod(organizations_matching)
    # Only what an index serves. The default order is by name.
    sortable_by = ("slug",)
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    prepopulated_fields: ClassVar[dict[str, Any]] = {"slug": ("name",)}
    readonly_fields = ("created_at",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("name", "slug", "is_active", "created_at")}),
        (
            _("Token policy"),
            {
                "fields": ("default_token_lifetime", "max_token_lifetime"),
                "description": _(
                    "A credential's own token lifetime replaces the default, but can't exceed the "
                    "maximum. Changes apply to new tokens only. Existing tokens keep their "
                    "expiry."
                ),
            },
        ),
    )

    class Media:
        css: ClassVar[Any] = {"all": ["token_exchange/admin/admin.css"]}

    @admin.display(description=_("credentials"))
    def credential_links(self, organization: Any) -> SafeString:
        """Link to the organization's credentials; their filters offer some organizations only."""
        site = self.admin_site
        return format_html_join(
            " ",
            '<a href="{}?organization={}">{}</a>',
            (
                (
                    reverse(f"{site.name}:token_exchange_{model._meta.model_name}_changelist"),
                    organization.pk,
                    capfirst(model._meta.verbose_name_plural),
                )
                for model in (APIKey, ClientApp)
                if site.is_registered(model)
            ),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse limited users."""
        return not is_limited(request.user) and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse limited users."""
        return not is_limited(request.user) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the fields that are read-only for everyone, and more for limited users."""
        others = _NOT_FOR_LIMITED if is_limited(request.user) else ()
        return (*self.readonly_fields, *others)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save with an audit event."""
        save = organizations.edit if change else organizations.create
        save(obj, act=act_of(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete with an audit event."""
        organizations.delete(obj, act=act_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete one by one, each with an audit event."""
        for each in queryset:
            self.delete_model(request, each)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        """Suggest a slug for new organizations only, because links and commands use it."""
        return self.prepopulated_fields if obj is None else {}
