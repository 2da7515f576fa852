"""The panel of a previous secret that still works, and the action that ends the overlap."""

from __future__ import annotations

from typing import Any

from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from token_exchange.admin import columns
from token_exchange.admin.act import act_of
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.credentials.edit_conflict import render_edit_conflict
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import Credential


def previous_secret_context(
    model_admin: TokenExchangeAdmin, request: HttpRequest, credential: Credential
) -> dict[str, Any]:
    """Return the context of the panel, with the URL that ends the overlap if permitted."""
    return {
        "credential": credential,
        "rotated_at": _rotated_at(credential),
        "until": columns.datetime_tag(credential.previous_secret_expires_at),  # type: ignore[arg-type] # it works
        "is_used": credential.previous_secret_last_used_at is not None,
        "last_used": columns.previous_secret_last_used(credential),
        "end_url": (
            model_admin.url("end_overlap", credential)
            if model_admin.has_action_permission(request, "rotate")
            else None
        ),
    }


def end_overlap_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Credential]
) -> HttpResponse:
    """End the overlap immediately, by POST only.

    The form carries the time of the rotation that it was rendered after, so that it never ends
    the overlap of a later one.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    (credential,) = rows
    if request.POST.get("rotated_at", _rotated_at(credential)) != _rotated_at(credential):
        return render_edit_conflict(model_admin, request, credential)
    try:
        with transaction.atomic(using=router.db_for_write(Credential)):
            verbs.end_overlap(credential, act=act_of(request))
            model_admin.log_change(request, credential, "Ended the overlap.")
    except CredentialConflict:
        message = _("The previous secret no longer works, so there's nothing to end.")
        return model_admin.redirect_with_error(request, message, credential)
    message = _("Overlap ended. The previous secret no longer works.")
    return model_admin.redirect_with_message(request, message, credential)


def _rotated_at(credential: Credential) -> str:
    return credential.secret_issued_at.isoformat()
