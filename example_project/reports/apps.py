"""How does Django load the example's app?"""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports."""

    name = "reports"
    default_auto_field = "django.db.models.BigAutoField"
