"""Does the secret from before the last rotation still work, who uses it, and how does it end?"""

from __future__ import annotations

from typing import Any

from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from token_exchange.admin import columns
from token_exchange.admin.act import act_of
from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.credential_summary import exactly
from token_exchange.admin.credentials.edit_conflict import say_changed_meanwhile
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import Credential


def previous_secret(
    model_admin: DeskAdmin, request: HttpRequest, credential: Credential
) -> dict[str, Any]:
    """Return what the panel says of a previous secret that works, and the button that ends it."""
    return {
        "credential": credential,
        "since": _since(credential),
        "until": exactly(credential.previous_secret_expires_at),  # type: ignore[arg-type] # it works
        "is_used": credential.previous_secret_last_used_at is not None,
        "last_use": columns.previous_secret_last_use(credential),
        "end_url": (
            model_admin.url("end_overlap", credential)
            if model_admin.may(request, "rotate")
            else None
        ),
    }


def end_overlap_page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """End the previous secret at once; by POST only.

    The button brings the rotation that it was drawn after: it is not meant for a later one.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    (credential,) = rows
    if request.POST.get("since", _since(credential)) != _since(credential):
        return say_changed_meanwhile(model_admin, request, credential)
    try:
        with transaction.atomic(using=router.db_for_write(Credential)):
            verbs.end_overlap(credential, act=act_of(request))
            model_admin.log_change(request, credential, "Ended the overlap.")
    except CredentialConflict:
        return model_admin.refuse(request, _("There is no previous secret now."), credential)
    return model_admin.go_back(request, _("The previous secret has ended."), credential)


def _since(credential: Credential) -> str:
    return credential.secret_issued_at.isoformat()
