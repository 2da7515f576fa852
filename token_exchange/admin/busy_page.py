"""The page for an operation that another transaction has blocked for too long."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from token_exchange_core.errors import TemporarilyUnavailable
from token_exchange_core.event_log import log_event

P = ParamSpec("P")


def busy_page(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Decorate a method of a model admin: a lock that cannot be had in time gives a 503 page.

    The transaction is rolled back by then, so nothing is half done.
    """

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(*args, **kwargs)
        except OperationalError as error:
            model_admin: Any = args[0]
            # Its place among the arguments differs between Django's views and ours.
            request = next(each for each in args if isinstance(each, HttpRequest))
            log_event(logging.ERROR, "admin.failed", exc_info=error, path=request.path)
            response: HttpResponse = model_admin.render(
                request,
                "database_busy.html",
                status=TemporarilyUnavailable.status,
                title=_("The database is busy"),
            )
            for name, value in TemporarilyUnavailable().headers.items():
                response[name] = value
            return response

    return wrapper
