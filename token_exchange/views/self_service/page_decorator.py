"""How does a page for a signed-in user answer, and in which words does it refuse?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from token_exchange.issuer.self_service import Caller, caller_by_session
from token_exchange.request import client_address, require_https
from token_exchange.views.rate_limits import count_success
from token_exchange_core.errors import TokenExchangeError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

P = ParamSpec("P")

# What the wire says in English, by the reason that the log has for it.
_MESSAGES: Final[Mapping[str, _StrPromise]] = {
    "no_grant": _("Your account cannot have API keys. Ask an administrator for it."),
    "organization_inactive": _("Your organization is not active."),
    "too_many_keys": _("You have as many API keys as you may. Revoke one first."),
    "unknown_key": _("You have no such API key."),
    "key_out_of_bounds": _("This key was made by an administrator, who alone can change it."),
    "key_ended": _("This key has ended. Make a new one."),
    "key_changed": _("This page is out of date: the key has been rotated since. Nothing was done."),
    "key_exists": _(
        "This form was submitted before. Its key was shown then; nothing was done now."
    ),
    "previous_secret_lives": _(
        "The old secret still works. Wait until it has ended, or say that the key has leaked."
    ),
    "rate_self_service": _("That was a lot at once. Wait a minute, and try again."),
    "https_required": _("This page is served over https only."),
}


def page(
    *methods: str,
) -> Callable[[Callable[Concatenate[HttpRequest, Caller, P], HttpResponse]], Any]:
    """Make a page of a function that gets a request and its caller, and may refuse.

    Nothing keeps what it shows, and no other site can send or frame it.
    """

    def decorate(view: Callable[Concatenate[HttpRequest, Caller, P], HttpResponse]) -> Any:
        @require_http_methods(methods)
        @login_required
        @csrf_protect
        @xframe_options_deny
        @sensitive_variables()
        @wraps(view)
        def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                response = view(request, _caller(request), *args, **kwargs)
            except TokenExchangeError as error:
                response = refuse(request, error)
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def show(request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render one of the templates, each of which a project can override."""
    return render(request, f"token_exchange/self_service/{name}.html", context, status=status)


def refuse(request: HttpRequest, error: TokenExchangeError) -> HttpResponse:
    """Say on a page of its own why nothing was done."""
    response = show(request, "error", status=error.status, message=message_of(error))
    for name, value in error.headers.items():
        response[name] = value
    return response


def message_of(error: TokenExchangeError) -> Any:
    """Return what to tell a person, in their language."""
    return _MESSAGES.get(error.reason, _("This is not possible now. Nothing was done."))


def _caller(request: HttpRequest) -> Caller:
    require_https(request)
    # A Content-Type can name one in which nothing could be read.
    request.encoding = "utf-8"
    if request.method == "POST":
        count_success(request, name="self_service", identifier=f"user:{request.user.pk}")
    return caller_by_session(request.user, origin=client_address(request))
