"""Factories of organizations, users, credentials and tokens, and the headers to send them."""

from __future__ import annotations

import base64
import itertools
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.support.authentication import authenticate_api_key
from token_exchange.issuer import credentials, tokens
from token_exchange.issuer.credentials import Act, CredentialPolicy, IssuedSecret
from token_exchange.models import AccessToken, Credential, Organization, Revocation, SigningKey
from token_exchange.models.credential_policy import POLICY_FIELDS
from token_exchange_core.errors import InvalidClient, InvalidToken
from token_exchange_core.revocation_set import RevocationKind

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
    policy = {name: values.pop(name) for name in POLICY_FIELDS if name in values}
    act = {name: values.pop(name) for name in ("now", "by", "origin") if name in values}
    defaults = {"kind": kind, "name": f"{kind} {next(_numbers)}"}
    return credentials.issue(
        **{**defaults, **values}, policy=CredentialPolicy(**policy), act=Act(**act)
    )


def make_token(credential: Credential | None = None, **values: Any) -> AccessToken:
    """Write the row of a token that was minted now; nothing is signed."""
    return make_tokens(values.pop("expires_at", None), credential=credential, **values)[0]


def make_tokens(
    *expiries: datetime | None, credential: Credential | None = None, **values: Any
) -> list[AccessToken]:
    """Write the row of a token for each expiry, in this order; ``None`` is an hour from now."""
    credential = credential or make_api_key().credential
    now = timezone.now()
    defaults = {
        "credential": credential,
        "generation": credential.generation,
        "audience": ["https://issuer.test"],
        "kid": SigningKey.objects.latest("sequence").kid,
        "issued_at": now,
    }
    return AccessToken.objects.bulk_create(
        AccessToken(
            **{
                **defaults,
                "jti": f"{next(_numbers):022}",
                "expires_at": expires_at or now + timedelta(hours=1),
                **values,
            }
        )
        for expires_at in expiries
    )


def make_revocations(count: int, *, expires_at: datetime) -> list[Revocation]:
    """Write rows of the feed as they are when their last token has this expiry."""
    return Revocation.objects.bulk_create(
        Revocation(
            kind=RevocationKind.TOKEN,
            subject=f"{next(_numbers):022}",
            position=next(_numbers),
            expires_at=expires_at,
        )
        for _ in range(count)
    )


def works(raw_key: str, *, now: datetime | None = None) -> bool:
    """Tell whether an API key is good now, or at another time."""
    try:
        authenticate_api_key(raw_key, address="", now=now or timezone.now())
    except InvalidClient:
        return False
    return True


def is_good(token: str) -> bool:
    """Tell whether verification accepts an access token now."""
    try:
        tokens.verify_access_token(token, now=timezone.now().timestamp())
    except InvalidToken:
        return False
    return True


def api_key_header(issued: IssuedSecret) -> dict[str, str]:
    return {"authorization": f"ApiKey {issued.raw_secret}"}


def basic_header(issued: IssuedSecret) -> dict[str, str]:
    pair = f"{issued.credential.identifier}:{issued.raw_secret}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def bearer_header(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
