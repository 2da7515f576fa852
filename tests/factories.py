"""What the tests start from: an organization, a user, credentials with their raw secrets."""

from __future__ import annotations

import base64
import itertools
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from token_exchange import credentials
from token_exchange.credentials import IssuedSecret
from token_exchange.models import Organization

_numbers = itertools.count(1)


def make_organization(**values: Any) -> Organization:
    number = next(_numbers)
    return Organization.objects.create(
        **{"name": f"Organization {number}", "slug": f"organization-{number}", **values}
    )


def make_user(**values: Any) -> Any:
    return get_user_model().objects.create_user(**{"username": f"user-{next(_numbers)}", **values})


def make_api_key(**values: Any) -> IssuedSecret:
    return _issue("api_key", **values)


def make_client_app(**values: Any) -> IssuedSecret:
    return _issue("client_app", **values)


def _issue(kind: str, **values: Any) -> IssuedSecret:
    if "organization" not in values:
        values["organization"] = make_organization()
    defaults = {"kind": kind, "name": f"{kind} {next(_numbers)}", "now": timezone.now()}
    return credentials.issue(**{**defaults, **values})


def api_key_header(issued: IssuedSecret) -> dict[str, str]:
    return {"authorization": f"ApiKey {issued.raw_secret}"}


def basic_header(issued: IssuedSecret) -> dict[str, str]:
    pair = f"{issued.credential.identifier}:{issued.raw_secret}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def bearer_header(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
