"""What does the page of a credential say above its form, and whom does it let search?"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from token_exchange.admin import columns, credential_summary
from token_exchange.admin.credentials.change_list import CredentialList
from token_exchange.admin.credentials.edit_conflict import edition_of
from token_exchange.admin.credentials.previous_secret import previous_secret
from token_exchange.models import Credential

BY_ID: Final = "by-id"
"""In the URL of the form that issues: ask for ids, because a search needs JavaScript."""


def credential_context(
    model_admin: CredentialList, request: HttpRequest, row: Any
) -> dict[str, Any]:
    """Return the facts of a credential, and the panels for what is special about it now."""
    if request.method == "POST":
        # A form that was refused has written into it what was never saved.
        row = model_admin.get_queryset(request).get(pk=row.pk)
    is_rotating = row.has_previous_secret(now=timezone.now()) and row.revoked_at is None
    is_app = row.kind == Credential.Kind.CLIENT_APP
    return {
        "edition": edition_of(row),
        "identifier_label": "client_id" if is_app else _("Identifier"),
        "badges": columns.state_badges(row),
        "facts": [
            *credential_summary.whose(row),
            (_("Live tokens"), model_admin.live_tokens_column(request)(row)),
            *credential_summary.where_it_works(row),
        ],
        "previous": previous_secret(model_admin, request, row) if is_rotating else None,
        "revoked": credential_summary.revocation(row) if row.revoked_at is not None else None,
        "how_to_use": [] if row.revoked_at is not None else credential_summary.how_to_use(row),
    }


def is_searchable(site: AdminSite, request: HttpRequest, name: str) -> bool:
    """Tell whether the user can search for what the field ``name`` of a credential points to.

    Its list may be registered elsewhere, without a search, or not be for this user's eyes.
    """
    related: Any = Credential._meta.get_field(name).related_model
    if not site.is_registered(related):
        return False
    related_admin = site.get_model_admin(related)
    return bool(related_admin.get_search_fields(request)) and (
        related_admin.has_view_permission(request)
    )
