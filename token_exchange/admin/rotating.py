"""How does an operator give credentials new secrets, without cutting off the clients of the old?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from token_exchange import credentials as verbs
from token_exchange.admin.desk import DeskAdmin
from token_exchange.admin.forms import COMPROMISED, RotateForm, overlap_choices
from token_exchange.admin.once import seal, show_secrets, unseal
from token_exchange.credentials import CredentialConflict, IssuedSecret
from token_exchange.models import Credential
from token_exchange.transport import client_address


@sensitive_variables("issued")
def rotate_page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """Ask for the overlap, or rotate all ``rows`` that have not ended and show the secrets.

    The form brings the versions that it showed: a row that was rotated since stops all of it. So
    does any other conflict, because a secret that nobody was shown would be lost.
    """
    alive = [each for each in rows if model_admin.is_open_to("rotate", each)]
    if not alive:
        back_to = () if "action" in request.POST else rows[:1]
        return model_admin.refuse(
            request, _("A credential that has ended cannot be rotated. Issue a new one."), *back_to
        )
    if "version" not in request.POST:
        return _form_page(model_admin, request, rows, RotateForm(alive))
    if not _is_current(request, alive):
        error = _("This page is out of date. Nothing was done now. Check the rows and try again.")
        return _form_page(model_admin, request, rows, RotateForm(alive), error=error)
    form = RotateForm(alive, request.POST)
    if form.is_valid():
        try:
            issued = _rotate(model_admin, request, alive, form.cleaned_data["overlap"])
        except (CredentialConflict, ValidationError) as error:
            # The rows in memory have seen what was rolled back.
            rows = list(model_admin.get_queryset(request).filter(pk__in=[each.pk for each in rows]))
            return _form_page(model_admin, request, rows, form, error=_reasons(error))
        count = len(issued)
        title = ngettext("%(count)d secret rotated", "%(count)d secrets rotated", count)
        return show_secrets(model_admin, request, issued, title=title % {"count": count})
    return _form_page(model_admin, request, rows, form)


def end_overlap_page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """End the previous secret at once; by POST only."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    (credential,) = rows
    try:
        with transaction.atomic(using=router.db_for_write(Credential)):
            origin = client_address(request)
            verbs.end_overlap(credential, now=timezone.now(), by=request.user, origin=origin)
            model_admin.log_change(request, credential, "Ended the overlap.")
    except CredentialConflict:
        return model_admin.refuse(request, _("There is no previous secret now."), credential)
    return model_admin.go_back(request, _("The previous secret has ended."), credential)


def _versions(rows: list[Any]) -> dict[str, str]:
    return {str(each.pk): each.secret_issued_at.isoformat() for each in rows}


def _is_current(request: HttpRequest, rows: list[Any]) -> bool:
    try:
        drawn = unseal(request.POST["version"], purpose="rotate", user=request.user)
    except BadSignature:
        return False
    return bool(drawn == _versions(rows))


def _rotate(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any], overlap: str
) -> list[IssuedSecret]:
    now, compromised = timezone.now(), overlap == COMPROMISED
    issued = []
    with transaction.atomic(using=router.db_for_write(Credential)):
        for credential in rows:
            issued.append(
                verbs.rotate(
                    credential,
                    now=now,
                    overlap=None if compromised else timedelta(seconds=int(overlap)),
                    compromised=compromised,
                    by=request.user,
                    origin=client_address(request),
                )
            )
            model_admin.log_change(request, credential, _history_message(overlap))
    return issued


def _history_message(overlap: str) -> str:
    # In English, as Django writes its own history whatever the operator's language is.
    with translation.override(None):
        return f"Rotated: {dict(overlap_choices())[overlap]}"


def _reasons(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


def _form_page(
    model_admin: DeskAdmin,
    request: HttpRequest,
    rows: list[Any],
    form: RotateForm,
    *,
    error: str = "",
) -> HttpResponse:
    now = timezone.now()
    alive = [each for each in rows if model_admin.is_open_to("rotate", each)]
    rotating = [each for each in alive if each.has_previous_secret(now=now)]
    is_bulk = "action" in request.POST
    title = ngettext("Rotate %(count)d secret", "Rotate %(count)d secrets", len(alive))
    return model_admin.page(
        request,
        "rotate.html",
        status=409 if error else 200,
        error=error,
        title=title % {"count": len(alive)},
        rows=[(each, model_admin.state_badge(each)) for each in alive],
        skipped=[each for each in rows if each not in alive],
        form=form,
        version=seal(_versions(alive), purpose="rotate", user=request.user),
        action="rotate_selected" if is_bulk else None,
        back_url=model_admin.url("changelist") if is_bulk else model_admin.url("change", rows[0]),
        previous=[(each, model_admin.url("end_overlap", each)) for each in rotating],
    )
