"""The revoke action of any model, and that of access tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.db import OperationalError, router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import ConfirmForm
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.selected_rows import counted_name, rows_context, single_object
from token_exchange.database.retries import retried
from token_exchange.issuer import tokens
from token_exchange.issuer.credentials import CredentialConflict
from token_exchange.models import AccessToken


def _no_response(*_: Any) -> None:
    return None


def _no_context(*_: Any) -> dict[str, Any]:
    return {}


class Revocation(NamedTuple):
    """How the rows of one model are revoked."""

    form_class: type[Form]
    revoke: Callable[[HttpRequest, Any, Form], str]
    """Revokes an object and returns the message for Django's history."""
    finish: Callable[[TokenExchangeAdmin, HttpRequest, list[Any], Form], HttpResponse | None] = (
        _no_response
    )
    """Called with the revoked objects; returns a response if it has more to show than a message."""
    context: Callable[[TokenExchangeAdmin, HttpRequest, list[Any]], dict[str, Any]] = _no_context
    """Returns more context for the form's page: ``title`` and others."""


def revoke_tokens_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[AccessToken]
) -> HttpResponse:
    """Ask for confirmation, or revoke all ``rows`` that are neither revoked nor expired."""
    return revoke_view(model_admin, request, rows, Revocation(ConfirmForm, _revoke_token))


def _revoke_token(request: HttpRequest, access_token: AccessToken, _form: Form) -> str:
    tokens.revoke(access_token, act=act_of(request))
    return "Revoked."


def revoke_view(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    rows: list[Any],
    revocation: Revocation,
) -> HttpResponse:
    """Show the form, or revoke the ``rows`` that can be revoked."""
    obj = single_object(request, rows)
    revocable = [each for each in rows if model_admin.is_applicable("revoke", each)]
    if not revocable:
        return model_admin.redirect_with_error(
            request, _("Nothing to revoke: already revoked or expired."), obj
        )
    form = revocation.form_class(request.POST if "confirmed" in request.POST else None)
    if not form.is_valid():
        return _render_form(model_admin, request, rows, form, revocation)
    revoked, blocked = _revoke_each(model_admin, request, revocable, form, revocation)
    if blocked and not revoked:
        raise blocked[0]
    if not revoked:
        return _render_already_revoked(model_admin, request, revocable)
    if blocked:
        message = _("%(count)d not revoked, because another transaction blocks them. Try again.")
        model_admin.message_user(request, message % {"count": len(blocked)}, messages.ERROR)
    if others := len(revocable) - len(revoked) - len(blocked):
        message = _("%(count)d had already been revoked by someone else.") % {"count": others}
        model_admin.message_user(request, message, messages.WARNING)
    message = _("%(items)s revoked.") % {"items": counted_name(model_admin, len(revoked))}
    response = revocation.finish(model_admin, request, revoked, form)
    return response or model_admin.redirect_with_message(request, message, obj)


def _revoke_each(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    rows: list[Any],
    form: Form,
    revocation: Revocation,
) -> tuple[list[Any], list[OperationalError]]:
    """Return the rows that were revoked, and an error for each whose lock was not had in time."""
    revoked, blocked = [], []
    for each in rows:
        try:
            if _revoke_one(model_admin, request, each, form, revocation):
                revoked.append(each)
        except OperationalError as error:
            blocked.append(error)
    return revoked, blocked


@retried
def _revoke_one(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    row: Any,
    form: Form,
    revocation: Revocation,
) -> bool:
    # Each in a transaction of its own, so that it stays revoked whatever happens to the next one.
    try:
        with transaction.atomic(using=router.db_for_write(model_admin.model)):
            # In English, as Django stores its own history in any language.
            model_admin.log_change(request, row, revocation.revoke(request, row, form))
    except CredentialConflict:  # someone else was faster
        return False
    return True


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
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    rows: list[Any],
    form: Form,
    revocation: Revocation,
) -> HttpResponse:
    revocable = [each for each in rows if model_admin.is_applicable("revoke", each)]
    items = counted_name(model_admin, len(revocable))
    context = {
        "title": _("Revoke %(items)s") % {"items": items},
        **revocation.context(model_admin, request, revocable),
        **rows_context(model_admin, request, rows, ready=revocable, name="revoke"),
    }
    status = 400 if form.errors else 200
    return model_admin.render(request, "revoke.html", status=status, form=form, **context)
