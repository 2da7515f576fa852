"""The revoke action of credentials."""

from __future__ import annotations

from typing import Any, Final

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from token_exchange.admin.act import act_of
from token_exchange.admin.action_forms import REVOCATION_REASONS, RevokeForm
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.credentials.descendants import descendants_context, end_descendants
from token_exchange.admin.credentials.show_once import show_secrets
from token_exchange.admin.revoke_page import Revocation, revoke_view
from token_exchange.issuer import credentials as verbs
from token_exchange.models import Credential


def revoke_credentials_view(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Credential]
) -> HttpResponse:
    """Ask for the reason, or revoke all ``rows`` that are not revoked yet."""
    return revoke_view(model_admin, request, rows, _REVOCATION)


def _revoke(request: HttpRequest, credential: Credential, form: Form) -> str:
    act = act_of(request, reason=form.cleaned_data["reason"])
    verbs.revoke(credential, keep_descendants=True, act=act)  # ended after all rows are revoked
    reason = credential.revocation_reason  # secrets that were pasted into it are redacted
    return f"Revoked: {reason}" if reason else "Revoked."


def _end_descendants(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any], form: Form
) -> HttpResponse | None:
    """End what was created or rotated with the revoked rows, and show the new secrets if any."""
    if form.cleaned_data["keep_descendants"]:
        return None
    issued = end_descendants(model_admin, request, rows)
    title = _("Revoked. New secrets of what was rotated with it")
    return show_secrets(model_admin, request, issued, title=title) if issued else None


def _context(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: list[Any]
) -> dict[str, Any]:
    title = {"title": _('Revoke "%(name)s"') % {"name": rows[0].name}} if len(rows) == 1 else {}
    descendants = descendants_context(model_admin, request, rows)
    return {"reasons": REVOCATION_REASONS, "descendants": descendants, **title}


_REVOCATION: Final = Revocation(RevokeForm, _revoke, _end_descendants, _context)
