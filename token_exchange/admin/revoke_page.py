"""The revoke actions of credentials and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from django.contrib import messages
from django.db import router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import REVOCATION_REASONS, ConfirmForm, RevokeForm
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.selected_rows import counted_name, rows_context, single_object
from token_exchange.database.retries import retried
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer import tokens
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import AccessToken, Credential

_Revoke: TypeAlias = Callable[[HttpRequest, Any, Form], str]
"""Revokes an object and returns the message for Django's history."""


def revoke_credentials_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Credential]
) -> HttpResponse:
    """Ask for the reason, or revoke all ``rows`` that are not revoked yet."""
    return _revoke_view(
        model_admin, request, rows, form_class=RevokeForm, revoke=_revoke_credential
    )


def revoke_tokens_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[AccessToken]
) -> HttpResponse:
    """Ask for confirmation, or revoke all ``rows`` that are neither revoked nor expired."""
    return _revoke_view(model_admin, request, rows, form_class=ConfirmForm, revoke=_revoke_token)


def _revoke_credential(request: HttpRequest, credential: Credential, form: Form) -> str:
    verbs.revoke(credential, act=act_of(request, reason=form.cleaned_data["reason"]))
    reason = credential.revocation_reason  # secrets that were pasted into it are redacted
    return f"Revoked: {reason}" if reason else "Revoked."


def _revoke_token(request: HttpRequest, access_token: AccessToken, _form: Form) -> str:
    tokens.revoke(access_token, act=act_of(request))
    return "Revoked."


def _revoke_view(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    rows: list[Any],
    *,
    form_class: type[Form],
    revoke: _Revoke,
) -> HttpResponse:
    obj = single_object(request, rows)
    revocable = [each for each in rows if model_admin.is_applicable("revoke", each)]
    if not revocable:
        return model_admin.redirect_with_error(
            request, _("Nothing to revoke: already revoked or expired."), obj
        )
    form = form_class(request.POST if "confirmed" in request.POST else None)
    if not form.is_valid():
        return _render_form(model_admin, request, rows, form)
    count = sum(_revoke_one(model_admin, request, each, form, revoke) for each in revocable)
    if not count:
        return _render_already_revoked(model_admin, request, revocable)
    if others := len(revocable) - count:
        message = _("%(count)d had already been revoked by someone else.") % {"count": others}
        model_admin.message_user(request, message, messages.WARNING)
    return model_admin.redirect_with_message(
        request, _("%(items)s revoked.") % {"items": counted_name(model_admin, count)}, obj
    )


@retried
def _revoke_one(
    model_admin: TokenExchangeAdmin, request: HttpRequest, row: Any, form: Form, revoke: _Revoke
) -> int:
    # Each in a transaction of its own, so that it stays revoked whatever happens to the next one.
    try:
        with transaction.atomic(using=router.db_for_write(model_admin.model)):
            # In English, as Django stores its own history in any language.
            model_admin.log_change(request, row, revoke(request, row, form))
    except CredentialConflict:  # someone else was faster
        return 0
    return 1


def _render_already_revoked(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    return model_admin.render(
        request,
        "already_revoked.html",
        status=409,
        title=_("Already revoked"),
        links=[(each, model_admin.url("change", each)) for each in rows],
    )


def _render_form(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any], form: Form
) -> HttpResponse:
    revocable = [each for each in rows if model_admin.is_applicable("revoke", each)]
    is_credential = isinstance(form, RevokeForm)
    if len(revocable) == 1 and is_credential:
        title = _('Revoke "%(name)s"') % {"name": revocable[0].name}
    else:
        title = _("Revoke %(items)s") % {"items": counted_name(model_admin, len(revocable))}
    return model_admin.render(
        request,
        "revoke.html",
        status=400 if form.errors else 200,
        title=title,
        form=form,
        reasons=REVOCATION_REASONS if is_credential else (),
        **rows_context(model_admin, request, rows, ready=revocable, name="revoke"),
    )
