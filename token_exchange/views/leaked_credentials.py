"""Reports of leaked secrets: ``POST /v1/leaked-credentials``.

Anyone may send a report; it needs no credential.
"""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from token_exchange.issuer.leaked_secrets import Candidate, parse_reported, revoke_leaked
from token_exchange.request import client_address
from token_exchange.views.endpoint import endpoint, token_response
from token_exchange.views.rate_limits import count_report
from token_exchange.views.request_body import read_json
from token_exchange_core.errors import InvalidRequest
from token_exchange_core.event_log import log_event

MAX_STRINGS: Final = 100
MAX_STRING_LENGTH: Final = 512


@endpoint("POST")
def leaked_credentials(request: HttpRequest) -> HttpResponse:
    """Revoke the credentials whose secrets are reported.

    The answer is always the same, so that it can't be used to test stolen secrets.
    """
    address = client_address(request)
    usage = count_report(request, address=address)
    report = _parse_report(read_json(request))
    revoked = revoke_leaked(report.candidates, now=timezone.now(), origin=address)
    log_event(
        logging.INFO,
        "leak.reported",
        address=address,
        strings=report.strings,
        revoked=len(revoked),
    )
    return token_response({}, usage, status=202)


class _Report(NamedTuple):
    strings: int
    candidates: set[Candidate]


def _parse_report(value: Any) -> _Report:
    if (
        not isinstance(value, list)
        or len(value) > MAX_STRINGS
        or not all(isinstance(each, str) and len(each) <= MAX_STRING_LENGTH for each in value)
    ):
        raise InvalidRequest(
            f"The body must be a JSON list of at most {MAX_STRINGS} strings, each of at most "
            f"{MAX_STRING_LENGTH} characters.",
            reason="malformed_report",
        )
    return _Report(len(value), parse_reported(value))
