"""How does an operator keep the tenants?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from token_exchange.models import Organization

if TYPE_CHECKING:
    _OrganizationAdmin = admin.ModelAdmin[Organization]
else:
    _OrganizationAdmin = admin.ModelAdmin


class OrganizationAdmin(_OrganizationAdmin):
    """Tenants and their token policy; one that has credentials cannot be deleted."""

    list_display = (
        "name",
        "slug",
        "is_active",
        "default_token_lifetime",
        "max_token_lifetime",
        "created_at",
    )
    list_filter = ("is_active",)
    search_fields = ("name", "slug")
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
