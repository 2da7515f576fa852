"""The change form's context: a credential's summary, previous secret and usage examples."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from token_exchange.admin import columns, credential_summary
from token_exchange.admin.credentials.change_list import CredentialListAdmin
from token_exchange.admin.credentials.descendants import descendants_context
from token_exchange.admin.credentials.edit_conflict import form_version
from token_exchange.admin.credentials.previous_secret import previous_secret_context
from token_exchange.models import Credential

BY_ID: Final = "by-id"
"""A URL parameter of the issue form: ask for ids, because autocomplete needs JavaScript."""


def change_form_context(
    model_admin: CredentialListAdmin, request: HttpRequest, row: Credential
) -> dict[str, Any]:
    """Return the summary of a credential, and the panels that its state calls for."""
    if request.method == "POST":
        # An invalid form has assigned values that were not saved.
        row = model_admin.get_queryset(request).get(pk=row.pk)
    is_rotating = row.has_previous_secret(now=timezone.now()) and row.revoked_at is None
    is_app = row.kind == Credential.Kind.CLIENT_APP
    return {
        "form_version": form_version(row),
        "identifier_label": "client_id" if is_app else _("Identifier"),
        "badges": columns.state_badges(row),
        "summary": [
            *credential_summary.ownership(row),
            (_("Live tokens"), model_admin.live_tokens_column(request)(row)),
            *credential_summary.limits(row),
        ],
        "previous": previous_secret_context(model_admin, request, row) if is_rotating else None,
        "descendants": descendants_context(model_admin, request, [row]),
        "revoked": credential_summary.revocation(row) if row.revoked_at is not None else None,
        "usage_examples": (
            [] if row.revoked_at is not None else credential_summary.usage_examples_of(row)
        ),
    }


def is_searchable(site: AdminSite, request: HttpRequest, name: str) -> bool:
    """Return whether the user can search the model that the field ``name`` points to.

    Its admin may not be registered, may have no search, or may be hidden from this user.
    """
    related: Any = Credential._meta.get_field(name).related_model
    if not site.is_registered(related):
        return False
    related_admin = site.get_model_admin(related)
    return bool(related_admin.get_search_fields(request)) and (
        related_admin.has_view_permission(request)
    )
