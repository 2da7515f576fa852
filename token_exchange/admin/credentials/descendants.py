"""What was created or rotated with a credential, on the pages that revoke or rotate it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from token_exchange.admin.act import act_of
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.credentials.permissions import may_see_secret
from token_exchange.issuer import credentials as verbs
from token_exchange.issuer.credentials import Descendant, IssuedSecret
from token_exchange.models import APIKey, ClientApp, Credential

_PROXIES: Final[dict[str, Any]] = {each.KIND: each for each in (APIKey, ClientApp)}


def descendants_context(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: Collection[Credential]
) -> list[tuple[Descendant, str]]:
    """Return the live descendants that the user may see, each with the URL of its page."""
    found = verbs.descendants_of(rows, now=timezone.now())
    visible = set(
        model_admin.get_queryset(request)
        .filter(pk__in=[each.credential.pk for each in found])
        .values_list("pk", flat=True)
    )
    return [
        (each, model_admin.url("change", each.credential))
        for each in found
        if each.credential.pk in visible
    ]


def end_descendants(
    model_admin: TokenExchangeAdmin, request: HttpRequest, rows: Collection[Credential]
) -> list[IssuedSecret]:
    """End the descendants of credentials that were revoked or rotated, and write their history.

    Adds a message. Returns the new secrets that the user may see; nobody gets the others.
    """
    revoked: list[Credential] = []
    rotated: list[IssuedSecret] = []
    for row in rows:
        ended = verbs.end_descendants(row, act=act_of(request))
        revoked += ended.revoked
        rotated += ended.rotated
        for each in ended.revoked:
            _log(model_admin, request, each, f"Revoked: {each.revocation_reason}")
        for issued in ended.rotated:
            message = f"Rotated as compromised: it was rotated with {row.identifier}."
            _log(model_admin, request, issued.credential, message)
    for message in _messages(len(revoked), len(rotated)):
        model_admin.message_user(request, message)
    may_rotate = model_admin.has_action_permission(request, "rotate")
    return [
        each for each in rotated if may_rotate and may_see_secret(request.user, each.credential)
    ]


def _log(
    model_admin: TokenExchangeAdmin, request: HttpRequest, credential: Credential, message: str
) -> None:
    # Django's history refers to the proxy model.
    proxy = _PROXIES[credential.kind]
    model_admin.log_change(request, proxy.objects.on_writer().get(pk=credential.pk), message)


def _messages(revoked: int, rotated: int) -> list[str]:
    texts = []
    if revoked:
        text = ngettext(
            "%(count)d credential that was created with it was revoked as well.",
            "%(count)d credentials that were created with it were revoked as well.",
            revoked,
        )
        texts.append(text % {"count": revoked})
    if rotated:
        text = ngettext(
            "%(count)d credential that was rotated with it has a new secret. Its clients stop "
            "working until they have it.",
            "%(count)d credentials that were rotated with it have new secrets. Their clients stop "
            "working until they have them.",
            rotated,
        )
        texts.append(text % {"count": rotated})
    return texts
