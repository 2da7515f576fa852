"""How does an operator give credentials new secrets, without cutting off the clients of the old?"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from token_exchange.admin import columns
from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import ConfirmForm, RotateForm
from token_exchange.admin.base import DeskAdmin
from token_exchange.admin.credentials.previous_secret import previous_secret
from token_exchange.admin.credentials.show_once import show_secrets
from token_exchange.admin.preset_fields import in_words
from token_exchange.admin.selected_rows import back_to, rows_context
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer.credentials import CredentialConflict, IssuedSecret
from token_exchange.models import Credential


class _Way(NamedTuple):
    """One of the two ways to a new secret."""

    name: str
    form_class: type[Form]
    is_compromise: bool


_ROTATE = _Way("rotate", RotateForm, is_compromise=False)
_COMPROMISE = _Way("compromise", ConfirmForm, is_compromise=True)


def rotate_page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """Ask for the overlap, or rotate those of ``rows`` that can be, and show the secrets.

    One whose previous secret still works waits until that has ended: there can be only one.
    """
    return _page(model_admin, request, rows, _ROTATE)


def compromise_page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any]) -> HttpResponse:
    """Say what will stop, or end all secrets and tokens of ``rows`` and show the new secrets."""
    return _page(model_admin, request, rows, _COMPROMISE)


@sensitive_variables("issued")
def _page(model_admin: DeskAdmin, request: HttpRequest, rows: list[Any], way: _Way) -> HttpResponse:
    """Show the form of ``way``, or do it to all rows that are ready, or to none.

    The form brings the versions that it showed: a row that was rotated since stops all of it. So
    does any other conflict, because a secret that nobody was shown would be lost.
    """
    if not any(model_admin.is_open_to("rotate", each) for each in rows):
        reason = _("A credential that has ended cannot be rotated. Issue a new one.")
        return model_admin.refuse(request, reason, *back_to(request, rows))
    show = _FormPage(model_admin, request, rows, way)
    ready = _ready(model_admin, rows, way)
    if not ready or "version" not in request.POST:
        return show(way.form_class())
    if not _is_current(request, ready, way):
        error = _("This page is out of date. Nothing was done now. Check the rows and try again.")
        return show(way.form_class(), status=409, error=error)
    form = way.form_class(request.POST)
    if not form.is_valid():
        return show(form, status=400)
    try:
        issued = _rotate(model_admin, request, ready, way, form)
    except (CredentialConflict, ValidationError) as error:
        return show(form, status=409, error=_reasons(error))
    count = len(issued)
    title = ngettext("%(count)d secret rotated", "%(count)d secrets rotated", count)
    return show_secrets(model_admin, request, issued, title=title % {"count": count})


def _ready(model_admin: DeskAdmin, rows: list[Any], way: _Way) -> list[Any]:
    now = timezone.now()
    return [
        each
        for each in rows
        if model_admin.is_open_to("rotate", each)
        and (way.is_compromise or not each.has_previous_secret(now=now))
    ]


def _versions(rows: list[Any]) -> dict[str, str]:
    return {str(each.pk): each.secret_issued_at.isoformat() for each in rows}


def _salt(request: HttpRequest, way: _Way) -> str:
    return f"token_exchange:{way.name}:{request.user.pk}"


def _is_current(request: HttpRequest, rows: list[Any], way: _Way) -> bool:
    try:
        drawn = signing.loads(request.POST["version"], salt=_salt(request, way))
    except signing.BadSignature:
        return False
    return bool(drawn == _versions(rows))


def _rotate(
    model_admin: DeskAdmin, request: HttpRequest, rows: list[Any], way: _Way, form: Form
) -> list[IssuedSecret]:
    act, overlap = act_of(request), form.cleaned_data.get("overlap")
    issued = []
    with transaction.atomic(using=router.db_for_write(Credential)):
        for credential in rows:
            issued.append(
                verbs.rotate(
                    credential,
                    overlap=overlap,
                    compromised=way.is_compromise,
                    act=act,
                )
            )
            model_admin.log_change(request, credential, _history_message(way, overlap))
    return issued


def _history_message(way: _Way, overlap: Any) -> str:
    if way.is_compromise:
        return "Rotated as compromised."
    # In English, as Django writes its own history whatever the operator's language is.
    with translation.override(None):
        return f"Rotated: {in_words(overlap)}"


def _reasons(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


class _FormPage(NamedTuple):
    """The page that asks, whatever came of asking before."""

    model_admin: DeskAdmin
    request: HttpRequest
    rows: list[Any]
    way: _Way

    def __call__(self, form: Form, *, status: int = 200, error: str = "") -> HttpResponse:
        desk, request, way = self.model_admin, self.request, self.way
        # Those in memory may have seen what was rolled back.
        found = desk.get_queryset(request).select_related("organization", "owner")
        read = found.in_bulk([each.pk for each in self.rows])
        rows = [read.get(each.pk, each) for each in self.rows]
        ready = _ready(desk, rows, way)
        return desk.page(
            request,
            f"{way.name}.html",
            status=status,
            error=error,
            title=_title(way, len(ready)),
            form=form,
            version=signing.dumps(_versions(ready), salt=_salt(request, way)),
            waiting=[previous_secret(desk, request, each) for each in rows if _waits(each, ready)],
            live_tokens=columns.bounded(sum(each.live_token_count for each in ready)),
            compromise_url=desk.url("compromise", rows[0]) if back_to(request, rows) else None,
            **rows_context(desk, request, rows, ready=ready, name=way.name),
        )


def _waits(row: Any, ready: list[Any]) -> bool:
    return row not in ready and not row.has_ended(now=timezone.now())


def _title(way: _Way, count: int) -> str:
    if not count:
        return _("Rotate")
    if way.is_compromise:
        title = ngettext("Rotate %(count)d leaked secret", "Rotate %(count)d leaked secrets", count)
    else:
        title = ngettext("Rotate %(count)d secret", "Rotate %(count)d secrets", count)
    return title % {"count": count}
