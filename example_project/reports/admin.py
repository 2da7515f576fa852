"""Admin of the reports."""

from django.contrib import admin

from reports.models import Report


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Reports of all organizations."""

    list_display = ("title", "organization", "created_by", "created_at")
    list_filter = ("organization",)
    search_fields = ("title",)
    autocomplete_fields = ("organization",)
    readonly_fields = ("created_by", "created_at")
    date_hierarchy = "created_at"
