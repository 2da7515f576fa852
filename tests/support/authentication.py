"""Authentication by raw secrets, which the app's own functions do not take."""

from __future__ import annotations

from typing import Any

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange_core.authorization import BasicCredentials


def authenticate_api_key(raw_key: str, **values: Any) -> AuthenticatedCredential:
    return credentials.authenticate_api_key(credentials.parse_api_key(raw_key), **values)


def authenticate_client_app(
    client_id: str, raw_client_secret: str, **values: Any
) -> AuthenticatedCredential:
    received = credentials.parse_client_app(BasicCredentials(client_id, raw_client_secret))
    return credentials.authenticate_client_app(received, **values)
