"""Which pages does a user have for the keys that speak for them?"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.core import signing
from django.db import router
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from token_exchange.issuer import credentials, self_service
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.issuer.self_service import Bounds, Caller
from token_exchange.models import Credential
from token_exchange.models.credential_state import State
from token_exchange.views import usage_examples
from token_exchange.views.self_service.forms import COMPROMISED, KeyForm, RotateForm
from token_exchange.views.self_service.page_decorator import page, show
from token_exchange_core.errors import Conflict

STATES: Final = {
    State.ACTIVE: gettext_lazy("active"),
    State.ROTATING: gettext_lazy("rotating"),
    State.EXPIRING: gettext_lazy("expires soon"),
    State.EXPIRED: gettext_lazy("expired"),
    State.REVOKED: gettext_lazy("revoked"),
}


@page("GET", "HEAD")
def list_keys(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the user's keys, the newest first."""
    now = timezone.now()
    bounds = _bounds(caller)
    found = self_service.keys_of(caller, after=request.GET.get("after"))
    rows = [
        {
            "key": key,
            "states": [(each.value, STATES[each]) for each in key.states(now=now)],
            "is_open": not key.has_ended(now=now) and bounds.contain(key),
        }
        for key in found.keys
    ]
    return show(request, "list", rows=rows, next=found.next)


@page("GET", "HEAD", "POST")
@sensitive_variables("issued")
def new_key(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the empty form, or make the key and show its secret, once for each form."""
    now = timezone.now()
    bounds = _bounds(caller)
    if request.method != "POST":
        return show(request, "new", form=KeyForm(bounds, now=now), drawn=_draw(caller))
    form = KeyForm(bounds, now=now, data=request.POST)
    drawn = request.POST.get("drawn", "")
    try:
        identifier = signing.loads(drawn, salt=_salt(caller))
    except signing.BadSignature:
        drawn = _draw(caller)
        form.add_error(None, _("This form is out of date. Submit it again."))
    if not form.is_valid():
        return show(request, "new", form=form, drawn=drawn)
    issued = self_service.create(caller, form.key_request(), now=now, identifier=identifier)
    return _show_secret(request, issued, title=_("API key made"))


@page("GET", "HEAD", "POST")
@sensitive_variables("issued")
def rotate_key(request: HttpRequest, caller: Caller, *, identifier: str) -> HttpResponse:
    """Ask what becomes of the old secret, or rotate and show the new one."""
    now = timezone.now()
    key = self_service.key_of(caller, identifier, now=now)
    if key.has_ended(now=now):
        raise Conflict(reason="key_ended")
    is_sent = request.method == "POST"
    form = RotateForm(key, now=now, data=request.POST if is_sent else None)
    if not (is_sent and form.is_valid()):
        return show(request, "rotate", form=form, key=key)
    overlap = form.cleaned_data["overlap"]
    compromised = overlap == COMPROMISED
    issued = self_service.rotate(
        caller,
        identifier,
        now=now,
        overlap=None if compromised else timedelta(seconds=int(overlap)),
        compromised=compromised,
        version=form.cleaned_data["version"],
    )
    return _show_secret(request, issued, title=_("Secret rotated"))


@page("GET", "HEAD", "POST")
def revoke_key(request: HttpRequest, caller: Caller, *, identifier: str) -> HttpResponse:
    """Ask whether the key shall end, or end it."""
    now = timezone.now()
    if request.method == "POST":
        self_service.revoke(caller, identifier, now=now)
        return redirect("token_exchange_self_service:list")
    return show(request, "revoke", key=self_service.key_of(caller, identifier, now=now))


@sensitive_variables("issued", "raw_key", "curl")
def _show_secret(request: HttpRequest, issued: IssuedSecret, *, title: str) -> HttpResponse:
    key, raw_key = issued.credential, issued.raw_secret
    curl = usage_examples.curl(issued)
    return show(request, "show_once", title=title, key=key, raw_key=raw_key, curl=curl)


def _bounds(caller: Caller) -> Bounds:
    using = router.db_for_write(Credential)
    return self_service.authority_of(caller, now=timezone.now(), using=using).bounds


def _draw(caller: Caller) -> str:
    identifier = credentials.new_identifier(Credential.Kind.API_KEY)
    return signing.dumps(identifier, salt=_salt(caller))


def _salt(caller: Caller) -> str:
    return f"token_exchange:new_key:{caller.user.pk}"
