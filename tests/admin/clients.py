"""Helpers that use a credential as its client would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.support.factories import make_api_key
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import IssuedSecret
from token_exchange.issuer.tokens import TokenRequest, issue
from token_exchange.models import AccessToken
from token_exchange_core.errors import InvalidClient


def make_token(issued: IssuedSecret | None = None) -> Any:
    issued = issued or make_api_key(scopes=["a"])
    now = timezone.now()
    found = credentials.authenticate_api_key(issued.raw_secret, address="192.0.2.1", now=now)
    return AccessToken.objects.get(jti=issue(found, TokenRequest(), now=now).jti)


def works(raw_key: str, *, after: timedelta = timedelta(0)) -> bool:
    now = timezone.now() + after
    try:
        credentials.authenticate_api_key(raw_key, address="192.0.2.1", now=now)
    except InvalidClient:
        return False
    return True
