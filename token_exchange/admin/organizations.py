"""How does an operator keep the tenants?"""

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
from token_exchange.admin.list_display import BoundedPaginator
from token_exchange.admin.search import SearchedAdmin, organizations_matching
from token_exchange.admin.tenant_access import is_limited
from token_exchange.admin.tenant_scoped import LimitedAdmin
from token_exchange.issuer import organizations
from token_exchange.models import APIKey, ClientApp

_DECIDED_ABOVE: Final = ("slug", "is_active", "max_token_lifetime")
"""What a tenant's own operator may not lift, nor take another's name for the commands with."""


class OrganizationAdmin(SearchedAdmin, LimitedAdmin):
    """Tenants and their token policy; one that has credentials cannot be deleted."""

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
    search_help_text = _("Search by the full slug, or by the beginning of a name")
    matching = staticmethod(organizations_matching)
    # By what an index serves, and nothing else; they come in the order of their names.
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
                    "A credential's own token lifetime replaces the default. No token lives "
                    "longer than the maximum. A change applies only to tokens that are issued "
                    "after it; existing tokens keep their expiry."
                ),
            },
        ),
    )

    class Media:
        css: ClassVar[Any] = {"all": ["token_exchange/admin/admin.css"]}

    @admin.display(description=_("credentials"))
    def credential_links(self, organization: Any) -> SafeString:
        """Lead to what is the organization's: their own filters offer only some of them."""
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
        """Refuse another tenant to those who are limited to theirs."""
        return not is_limited(request.user) and super().has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to delete a tenant to those who are limited to it."""
        return not is_limited(request.user) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what nobody changes, and to a limited user what is decided above him."""
        decided_above = _DECIDED_ABOVE if is_limited(request.user) else ()
        return (*self.readonly_fields, *decided_above)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Save by the verb that records it."""
        save = organizations.edit if change else organizations.create
        save(obj, act=act_of(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete by the verb that records it."""
        organizations.delete(obj, act=act_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete one by one, each with its record."""
        for each in queryset:
            self.delete_model(request, each)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        """Derive the slug of a new tenant only: links and commands know it by that."""
        return self.prepopulated_fields if obj is None else {}
