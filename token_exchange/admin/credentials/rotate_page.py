"""The rotate actions: with an overlap, and for a leaked secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from token_exchange.admin import columns
from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import CompromiseForm, RotateForm
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.credentials.descendants import descendants_context, end_descendants
from token_exchange.admin.credentials.previous_secret import previous_secret_context
from token_exchange.admin.credentials.show_once import show_secrets
from token_exchange.admin.selected_rows import counted_name, rows_context, single_object
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer.credentials import CredentialConflict, IssuedSecret
from token_exchange.models import Credential
from token_exchange.views.durations import duration_in_words

_FORM_CLASSES: Final[dict[bool, type[Form]]] = {False: RotateForm, True: CompromiseForm}


class _Rotation(NamedTuple):
    """The request to rotate some credentials."""

    model_admin: TokenExchangeAdmin
    request: HttpRequest
    rows: list[Any]
    compromised: bool

    @property
    def name(self) -> str:
        """The name of the object action and of its template."""
        return "rotate_compromised" if self.compromised else "rotate"

    @property
    def salt(self) -> str:
        """Binds the signed versions to this action and user."""
        return f"token_exchange:{self.name}:{self.request.user.pk}"

    @property
    def ready(self) -> list[Any]:
        """The credentials that can be rotated now, as ``rows`` has them."""
        now = timezone.now()
        return [
            each
            for each in self.rows
            if self.model_admin.is_applicable("rotate", each)
            and (self.compromised or not each.has_previous_secret(now=now))
        ]


def rotate_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    """Ask for the overlap, or rotate the ``rows`` that can be rotated and show the secrets.

    A credential whose previous secret still works is left out: there can be only one.
    """
    return _view(_Rotation(model_admin, request, rows, compromised=False))


def rotate_compromised_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any]
) -> HttpResponse:
    """Ask for confirmation, or revoke all secrets and tokens of ``rows`` and show new secrets."""
    return _view(_Rotation(model_admin, request, rows, compromised=True))


def _view(rotation: _Rotation) -> HttpResponse:
    """Show the form, or rotate all credentials that are ready, or none.

    The form carries the versions that it was rendered for, and is refused if one of them has been
    rotated since. Any other conflict also stops all rotations, because a secret that is not shown
    would be lost.
    """
    model_admin, request = rotation.model_admin, rotation.request
    obj = single_object(request, rotation.rows)
    if not any(model_admin.is_applicable("rotate", each) for each in rotation.rows):
        message = _("A revoked or expired credential can't be rotated. Issue a new one.")
        return model_admin.redirect_with_error(request, message, obj)
    form_class, ready = _FORM_CLASSES[rotation.compromised], rotation.ready
    if not ready or "version" not in request.POST:
        return _render_form(rotation, form_class())
    if not _is_current(rotation, ready):
        error = _("This page is out of date, so nothing was changed. Check it and try again.")
        return _render_form(rotation, form_class(), status=409, error=error)
    form = form_class(request.POST)
    if not form.is_valid():
        return _render_form(rotation, form, status=400)
    try:
        issued = _rotate(rotation, ready, form)
    except (CredentialConflict, ValidationError) as error:
        return _render_form(rotation, form, status=409, error=_messages(error))
    if rotation.compromised and not form.cleaned_data["keep_descendants"]:
        issued += end_descendants(model_admin, request, ready)
    name = _quoted_or_counted(model_admin, ready)
    return show_secrets(model_admin, request, issued, title=_("%(name)s rotated") % {"name": name})


def _versions(rows: list[Any]) -> dict[str, str]:
    return {str(each.pk): each.secret_issued_at.isoformat() for each in rows}


def _is_current(rotation: _Rotation, rows: list[Any]) -> bool:
    request = rotation.request
    try:
        versions = signing.loads(request.POST["version"], salt=rotation.salt)
    except signing.BadSignature:
        return False
    return bool(versions == _versions(rows))


def _rotate(rotation: _Rotation, rows: list[Any], form: Form) -> list[IssuedSecret]:
    request = rotation.request
    act, overlap = act_of(request), form.cleaned_data.get("overlap")
    issued = []
    with transaction.atomic(using=router.db_for_write(Credential)):
        for credential in rows:
            issued.append(
                verbs.rotate(
                    credential,
                    overlap=overlap,
                    compromised=rotation.compromised,
                    keep_descendants=True,  # ended afterwards, when these are safe
                    act=act,
                )
            )
            rotation.model_admin.log_change(request, credential, _history_message(overlap))
    return issued


def _history_message(overlap: timedelta | None) -> str:
    if overlap is None:
        return "Rotated as compromised."
    # In English, as Django stores its own history in any language.
    with translation.override(None):
        return f"Rotated: {duration_in_words(overlap)}"


def _messages(error: Exception) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


def _render_form(
    rotation: _Rotation, form: Form, *, status: int = 200, error: str = ""
) -> HttpResponse:
    """Render the form for the stored rows, because those in memory may have been rolled back."""
    model_admin, request, _rows, compromised = rotation
    stored = model_admin.get_queryset(request).select_related("organization", "owner")
    found = stored.in_bulk([each.pk for each in rotation.rows])
    rows = [found.get(each.pk, each) for each in rotation.rows]
    ready = rotation._replace(rows=rows).ready
    waiting = [each for each in rows if each not in ready and not _has_ended(each)]
    obj = single_object(request, rows)
    return model_admin.render(
        request,
        f"{rotation.name}.html",
        status=status,
        error=error,
        title=_title(model_admin, ready, compromised=compromised),
        form=form,
        version=signing.dumps(_versions(ready), salt=rotation.salt),
        descendants=descendants_context(model_admin, request, ready) if compromised else [],
        waiting=[previous_secret_context(model_admin, request, each) for each in waiting],
        live_tokens=columns.bounded_count(sum(each.live_token_count for each in ready)),
        rotate_compromised_url=None if obj is None else model_admin.url("rotate_compromised", obj),
        **rows_context(model_admin, request, rows, ready=ready, name=rotation.name),
    )


def _has_ended(credential: Credential) -> bool:
    return credential.has_ended(now=timezone.now())


def _title(model_admin: TokenExchangeAdmin, rows: list[Any], *, compromised: bool) -> str:
    if not rows:
        return _("Rotate")
    name = _quoted_or_counted(model_admin, rows)
    if compromised:
        return _("Rotate %(name)s as leaked") % {"name": name}
    return _("Rotate %(name)s") % {"name": name}


def _quoted_or_counted(model_admin: TokenExchangeAdmin, rows: list[Any]) -> str:
    return f'"{rows[0].name}"' if len(rows) == 1 else counted_name(model_admin, len(rows))
