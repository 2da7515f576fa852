"""Decorator of the self-service pages, and their error messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from token_exchange.caching import not_cached
from token_exchange.database.errors import DATABASE_AWAY
from token_exchange.issuer.self_service import Caller, caller_by_session
from token_exchange.request import client_address, require_https
from token_exchange.views.rate_limits import count_success
from token_exchange_core.errors import TemporarilyUnavailable, TokenExchangeError
from token_exchange_core.event_log import log_event

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

P = ParamSpec("P")

# Title and message by the error's reason.
_MESSAGES: Final[Mapping[str, tuple[_StrPromise, _StrPromise]]] = {
    "no_entitlement": (
        _("API keys not available"),
        _("Your account can't create API keys. Ask an administrator for access."),
    ),
    "owner_inactive": (
        _("Account inactive"),
        _("Your account is inactive. Ask an administrator to reactivate it."),
    ),
    "organization_inactive": (
        _("Organization inactive"),
        _("Your organization is inactive, so you can't manage API keys. Ask an administrator."),
    ),
    "unknown_key": (
        _("API key not found"),
        _("You don't have an API key with this identifier."),
    ),
    "key_out_of_bounds": (
        _("API key can't be changed"),
        _("This key has more access than you can manage. Ask an administrator to change it."),
    ),
    "key_ended": (
        _("API key no longer active"),
        _("This key has expired or was revoked. Create a new one."),
    ),
    "key_changed": (
        _("API key already rotated"),
        _("This key was rotated after you opened the page. Nothing was changed."),
    ),
    "key_exists": (
        _("API key already created"),
        _("You already submitted this form, and the key was shown then. Nothing new was created."),
    ),
    "previous_secret_lives": (
        _("Previous secret still active"),
        _("Wait until the previous secret expires, or rotate the key as leaked."),
    ),
    "too_many_keys": (
        _("API key limit reached"),
        ngettext_lazy(
            "You've reached the limit of %(count)d API key. Revoke it to create another.",
            "You've reached the limit of %(count)d API keys. Revoke one to create another.",
            "count",
        ),
    ),
    "rate_self_service": (
        _("Too many requests"),
        _("You sent too many requests in a short time. Try again in a minute."),
    ),
    "https_required": (
        _("HTTPS required"),
        _("This page is only available over HTTPS."),
    ),
}
_OTHER_REASON: Final = (
    _("Something went wrong"),
    _("We couldn't complete your request, and nothing was changed. Try again later."),
)


def self_service_page(
    *methods: str,
) -> Callable[[Callable[Concatenate[HttpRequest, Caller, P], HttpResponse]], Any]:
    """Decorate a view that gets the request and its caller, and may raise ``TokenExchangeError``.

    Requires a signed-in user, a CSRF token and HTTPS. Responses can be neither cached nor framed.
    """

    def decorate(view: Callable[Concatenate[HttpRequest, Caller, P], HttpResponse]) -> Any:
        @not_cached
        @require_http_methods(methods)
        @login_required
        @csrf_protect
        @xframe_options_deny
        @wraps(view)
        def wrapper(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                response = view(request, _caller(request), *args, **kwargs)
            except TokenExchangeError as error:
                response = error_page(request, error)
            except DATABASE_AWAY as error:
                log_event(logging.ERROR, "self_service.failed", exc_info=error, path=request.path)
                response = error_page(request, TemporarilyUnavailable(reason="database_away"))
            return response

        return wrapper

    return decorate


def render_page(
    request: HttpRequest, name: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a self-service template; a project can override each of them."""
    return render(request, f"token_exchange/self_service/{name}.html", context, status=status)


def error_page(request: HttpRequest, error: TokenExchangeError, **values: object) -> HttpResponse:
    """Render the message for the error's reason, with ``values`` for its placeholders."""
    title, message = _MESSAGES.get(error.reason, _OTHER_REASON)
    context = {"title": title, "message": message % values}
    response = render_page(request, "error", status=error.status, **context)
    for name, value in error.headers.items():
        response[name] = value
    return response


def _caller(request: HttpRequest) -> Caller:
    require_https(request)
    # The Content-Type can name an encoding in which the form could not be read.
    request.encoding = "utf-8"
    if request.method == "POST":
        count_success(request, name="self_service", identifier=f"user:{request.user.pk}")
    return caller_by_session(request.user, origin=client_address(request))
