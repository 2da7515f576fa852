"""How a credential is used, in the tests of what that does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.authentication import authenticate_api_key, authenticate_client_app
from token_exchange.issuer.credentials import AuthenticatedCredential
from token_exchange.models import Credential

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def authenticate(issued, *, now=NOW, address="192.0.2.1", **values) -> AuthenticatedCredential:
    credential = issued.credential
    if credential.kind == Credential.Kind.API_KEY:
        return authenticate_api_key(issued.raw_secret, address=address, now=now, **values)
    return authenticate_client_app(
        credential.identifier, issued.raw_secret, address=address, now=now
    )


@pytest.fixture
def used(django_capture_on_commit_callbacks):
    """Authenticate, and let the request's transaction commit."""

    def use(issued, **values):
        with django_capture_on_commit_callbacks(execute=True):
            authenticate(issued, **values)
        issued.credential.refresh_from_db()
        return issued.credential

    return use
