"""Helpers that use a credential as its client would."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.support.authentication import authenticate_api_key
from tests.support.factories import make_api_key
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.issuer.tokens import TokenRequest, issue
from token_exchange.models import AccessToken
from token_exchange_core.errors import InvalidClient


def make_token(issued: IssuedSecret | None = None) -> Any:
    issued = issued or make_api_key(scopes=["a"])
    now = timezone.now()
    found = authenticate_api_key(issued.raw_secret, address="192.0.2.1", now=now)
    return AccessToken.objects.get(jti=issue(found, TokenRequest(), now=now).jti)


def works(raw_key: str, *, after: timedelta = timedelta(0)) -> bool:
    now = timezone.now() + after
    try:
        authenticate_api_key(raw_key, address="192.0.2.1", now=now)
    except InvalidClient:
        return False
    return True


def secrets_of(response: Any) -> list[str]:
    """Return the secrets that the page shows, each once."""
    return list(dict.fromkeys(re.findall(r"(?:sk|cs)_live\.\w{12}\.\w{49}", response.text)))
