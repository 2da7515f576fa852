"""The self-service pages: list, create, rotate and revoke the user's own API keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core import signing
from django.db import router
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from token_exchange.issuer import credentials, self_service
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.issuer.self_service import Authority, Caller
from token_exchange.models import Credential
from token_exchange.views import usage_examples
from token_exchange.views.self_service.forms import (
    COMPROMISED,
    KEEP_DESCENDANTS,
    KeyForm,
    RotateForm,
)
from token_exchange.views.self_service.page_decorator import (
    error_page,
    render_page,
    self_service_page,
)
from token_exchange_core.errors import Conflict


@self_service_page("GET", "HEAD")
def list_keys(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List the user's keys, newest first."""
    now = timezone.now()
    authority = _authority(caller, now=now)
    page = self_service.keys_of(caller, after=request.GET.get("after"))
    rows = [
        {
            "key": key,
            "states": key.states(now=now),
            "can_be_changed": not key.has_ended(now=now) and authority.covers(key),
        }
        for key in page.keys
    ]
    return render_page(request, "list", rows=rows, next=page.next)


@self_service_page("GET", "HEAD", "POST")
def new_key(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the form, or create the key and show its secret.

    The form carries the identifier of its key, so that submitting it twice creates one key.
    """
    now = timezone.now()
    authority = _authority(caller, now=now)
    if request.method != "POST":
        return _new_key_form(request, KeyForm(authority.bounds, now=now), _new_identifier(caller))
    form = KeyForm(authority.bounds, now=now, data=request.POST)
    signed_identifier = request.POST.get("signed_identifier", "")
    try:
        identifier = signing.loads(signed_identifier, salt=_salt(caller))
    except signing.BadSignature:
        signed_identifier = _new_identifier(caller)
        form.add_error(None, _("This form is out of date. Submit it again."))
    if not form.is_valid():
        return _new_key_form(request, form, signed_identifier)
    try:
        issued = self_service.create(caller, form.key_request(), now=now, identifier=identifier)
    except Conflict as error:
        if error.reason != "too_many_keys":
            raise
        return error_page(request, error, count=authority.max_keys)
    return _show_secret(request, issued, title=_("API key created"))


@self_service_page("GET", "HEAD", "POST")
def rotate_key(request: HttpRequest, caller: Caller, *, identifier: str) -> HttpResponse:
    """Ask how long the old secret keeps working, or rotate the key and show the new secret."""
    now = timezone.now()
    key = self_service.key_of(caller, identifier, now=now)
    if key.has_ended(now=now):
        raise Conflict(reason="key_ended")
    form = RotateForm(key, now=now, data=request.POST if request.method == "POST" else None)
    if not form.is_valid():
        descendants = credentials.descendants_of([key], now=now)
        return render_page(request, "rotate", form=form, key=key, descendants=descendants)
    overlap = form.cleaned_data["overlap"]
    compromised = overlap == COMPROMISED
    issued, _ended = self_service.rotate(
        caller,
        identifier,
        now=now,
        overlap=None if compromised else timedelta(seconds=int(overlap)),
        compromised=compromised,
        keep_descendants=form.cleaned_data["keep_descendants"],
        version=form.cleaned_data["version"],
    )
    return _show_secret(request, issued, title=_("API key rotated"))


@self_service_page("GET", "HEAD", "POST")
def revoke_key(request: HttpRequest, caller: Caller, *, identifier: str) -> HttpResponse:
    """Ask for confirmation, or revoke the key."""
    now = timezone.now()
    if request.method == "POST":
        keep_descendants = KEEP_DESCENDANTS in request.POST
        self_service.revoke(caller, identifier, now=now, keep_descendants=keep_descendants)
        return redirect("token_exchange_self_service:list")
    key = self_service.key_of(caller, identifier, now=now)
    descendants = credentials.descendants_of([key], now=now)
    return render_page(request, "revoke", key=key, descendants=descendants)


def _new_key_form(request: HttpRequest, form: KeyForm, signed_identifier: str) -> HttpResponse:
    return render_page(request, "new", form=form, signed_identifier=signed_identifier)


def _show_secret(request: HttpRequest, issued: IssuedSecret, *, title: str) -> HttpResponse:
    key, secret = issued.credential, issued.stand_in
    curl = usage_examples.curl(key, secret)
    response = render_page(request, "show_once", title=title, key=key, secret=secret, curl=curl)
    response.content = issued.reveal(response.text)
    return response


def _authority(caller: Caller, *, now: datetime) -> Authority:
    using = router.db_for_write(Credential)
    return self_service.authority_of(caller, now=now, using=using)


def _new_identifier(caller: Caller) -> str:
    identifier = credentials.new_identifier(Credential.Kind.API_KEY)
    return signing.dumps(identifier, salt=_salt(caller))


def _salt(caller: Caller) -> str:
    return f"token_exchange:new_key:{caller.user.pk}"
