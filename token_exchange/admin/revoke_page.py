"""How does an operator end credentials and tokens, knowing what will stop?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import REASONS, ConfirmForm, RevokeForm
from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.selected_rows import back_to, rows_context
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer import tokens
from token_exchange.issuer.credentials import CredentialConflict


def revoke_credentials_page(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    """Ask for the reason, or revoke all ``rows`` that are not revoked yet."""
    return _revoke_page(
        model_admin, request, rows, form_class=RevokeForm, revoke=_revoke_credential
    )


def revoke_tokens_page(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    """Ask for a confirmation, or revoke all ``rows`` that are neither revoked nor expired."""
    return _revoke_page(model_admin, request, rows, form_class=ConfirmForm, revoke=_revoke_token)


def _revoke_credential(request: HttpRequest, credential: Any, form: Form) -> str:
    verbs.revoke(credential, act=act_of(request, reason=form.cleaned_data["reason"]))
    reason = credential.revocation_reason  # without the secrets that were pasted into it
    return f"Revoked: {reason}" if reason else "Revoked."


def _revoke_token(request: HttpRequest, access_token: Any, _form: Form) -> str:
    tokens.revoke(access_token, act=act_of(request))
    return "Revoked."


def _revoke_page(
    model_admin: DeskAdmin,
    request: HttpRequest,
    rows: list[Any],
    *,
    form_class: type[Form],
    revoke: Callable[[HttpRequest, Any, Any], str],
) -> HttpResponse:
    alive = [each for each in rows if model_admin.is_open_to("revoke", each)]
    if not alive:
        reason = _("There is nothing to revoke: it has ended already.")
        return model_admin.refuse(request, reason, *back_to(request, rows))
    form = form_class(request.POST if "confirmed" in request.POST else None)
    if not form.is_valid():
        return _form_page(model_admin, request, rows, form)
    count = sum(_revoke_one(model_admin, request, each, form, revoke) for each in alive)
    if not count:
        return _too_late(model_admin, request, alive)
    message = ngettext("%(count)d was revoked.", "%(count)d were revoked.", count)
    if missed := len(alive) - count:
        told = _("%(count)d had been revoked by somebody else meanwhile.") % {"count": missed}
        model_admin.message_user(request, told, messages.WARNING)
    return model_admin.go_back(request, message % {"count": count}, *back_to(request, rows))


def _revoke_one(
    model_admin: DeskAdmin,
    request: HttpRequest,
    row: Any,
    form: Form,
    revoke: Callable[[HttpRequest, Any, Any], str],
) -> int:
    # Each by itself: what has been revoked stays so, whatever happens to the next one.
    try:
        with transaction.atomic(using=router.db_for_write(model_admin.model)):
            # In English, as Django writes its own history whatever the operator's language is.
            model_admin.log_change(request, row, revoke(request, row, form))
    except CredentialConflict:  # someone else was faster
        return 0
    return 1


def _too_late(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    return model_admin.page(
        request,
        "already_revoked.html",
        status=409,
        title=_("Revoked meanwhile"),
        links=[(each, model_admin.url("change", each)) for each in rows],
    )


def _form_page(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any], form: Form
) -> HttpResponse:
    alive = [each for each in rows if model_admin.is_open_to("revoke", each)]
    name = (
        model_admin.opts.verbose_name if len(alive) == 1 else model_admin.opts.verbose_name_plural
    )
    return model_admin.page(
        request,
        "revoke.html",
        status=400 if form.errors else 200,
        title=_("Revoke %(name)s") % {"name": name},
        form=form,
        reasons=REASONS if isinstance(form, RevokeForm) else (),
        **rows_context(model_admin, request, rows, ready=alive, name="revoke"),
    )
