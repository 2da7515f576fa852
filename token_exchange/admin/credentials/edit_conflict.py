"""Has anybody changed a credential since the form that edits it was drawn?"""

from __future__ import annotations

import json

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from token_exchange.admin.base import DeskAdmin
from token_exchange.models import Credential


def edition_of(credential: Credential) -> str:
    """Return a word for all that a form shows of a credential, another after each edit."""
    values = [getattr(credential, name) for name in credential.EDITABLE_FIELDS]
    text = json.dumps(values, default=str, sort_keys=True)
    return salted_hmac("token_exchange.admin.edition", text, algorithm="sha256").hexdigest()[:16]


def changed_meanwhile(
    model_admin: DeskAdmin, request: HttpRequest, object_id: str
) -> HttpResponse | None:
    """Return the page that says so, where a form shows what is no longer there.

    To save it would bring back what somebody else has just taken away.
    """
    drawn = request.POST.get("edition")
    credential = None if drawn is None else model_admin.get_object(request, unquote(object_id))
    if credential is None or edition_of(credential) == drawn:
        return None
    if not model_admin.has_change_permission(request, credential):
        return None  # which Django says
    return say_changed_meanwhile(model_admin, request, credential)


def say_changed_meanwhile(
    model_admin: DeskAdmin, request: HttpRequest, credential: Credential
) -> HttpResponse:
    """Answer what was asked of a credential as it is no longer: nothing was done."""
    return model_admin.page(
        request,
        "edit_conflict.html",
        status=409,
        title=_("Changed meanwhile"),
        credential=credential,
        change_url=model_admin.url("change", credential),
    )
