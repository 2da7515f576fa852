"""Edit conflicts: a change form that is submitted after someone else changed the credential."""

from __future__ import annotations

import json

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.models import Credential


def form_version(credential: Credential) -> str:
    """Return a digest of the editable fields, which a change form carries."""
    values = [getattr(credential, name) for name in credential.EDITABLE_FIELDS]
    text = json.dumps(values, default=str, sort_keys=True)
    return salted_hmac("token_exchange.admin.form_version", text, algorithm="sha256").hexdigest()[
        :16
    ]


def edit_conflict_response(
    model_admin: TokenExchangeAdmin, request: HttpRequest, object_id: str
) -> HttpResponse | None:
    """Return the conflict page if the submitted form shows outdated values, or ``None``.

    Saving it would bring back what someone else has just taken away.
    """
    version = request.POST.get("form_version")
    credential = None if version is None else model_admin.get_object(request, unquote(object_id))
    if credential is None or form_version(credential) == version:
        return None
    if not model_admin.has_change_permission(request, credential):
        return None  # Django refuses it
    return render_edit_conflict(model_admin, request, credential)


def render_edit_conflict(
    model_admin: TokenExchangeAdmin, request: HttpRequest, credential: Credential
) -> HttpResponse:
    """Answer 409 to a form that was rendered before the credential was changed."""
    return model_admin.render(
        request,
        "edit_conflict.html",
        status=409,
        title=_("Edit conflict"),
        credential=credential,
        change_url=model_admin.url("change", credential),
    )
