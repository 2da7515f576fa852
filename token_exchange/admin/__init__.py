"""The model admins, and their registration on an admin site."""

from __future__ import annotations

from django.contrib import admin

from token_exchange.admin.access_tokens import AccessTokenAdmin
from token_exchange.admin.audit.model_admin import AuditEventAdmin
from token_exchange.admin.credentials.model_admins import APIKeyAdmin, ClientAppAdmin
from token_exchange.admin.dashboard.model_admin import DashboardAdmin
from token_exchange.admin.organizations import OrganizationAdmin
from token_exchange.admin.signing_keys import SigningKeyAdmin
from token_exchange.models import (
    AccessToken,
    APIKey,
    AuditEvent,
    ClientApp,
    Dashboard,
    Organization,
    SigningKey,
)

__all__ = [
    "APIKeyAdmin",
    "AccessTokenAdmin",
    "AuditEventAdmin",
    "ClientAppAdmin",
    "DashboardAdmin",
    "OrganizationAdmin",
    "SigningKeyAdmin",
    "register",
]


def register(site: admin.AdminSite) -> None:
    """Register the app's models on ``site``, without an organization model that was swapped."""
    if not Organization._meta.swapped:
        site.register(Organization, OrganizationAdmin)
    site.register(APIKey, APIKeyAdmin)
    site.register(ClientApp, ClientAppAdmin)
    site.register(AccessToken, AccessTokenAdmin)
    site.register(SigningKey, SigningKeyAdmin)
    site.register(AuditEvent, AuditEventAdmin)
    site.register(Dashboard, DashboardAdmin)


register(admin.site)
