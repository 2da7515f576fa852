"""Program that deactivates and reactivates a tenant, and prints whether its token works."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.core.management import call_command
from django.utils import timezone

from tests.support.authentication import authenticate_api_key
from tests.tenants.models import Tenant
from token_exchange.issuer import credentials, tokens
from token_exchange.issuer.credentials import Act
from token_exchange_core.errors import InvalidToken


def outcomes() -> list[str]:
    now = timezone.now()
    tenant = Tenant.objects.create(name="Example", slug="example")
    key = credentials.issue(kind="api_key", organization=tenant, name="x", act=Act(now=now))
    credential = authenticate_api_key(key.raw_secret, address="", now=now)
    token = tokens.issue(credential, tokens.TokenRequest(), now=now).token

    def outcome_of(write: Callable[[], object]) -> str:
        write()
        try:
            return tokens.verify_access_token(token, now=now.timestamp()).claims.organization_id
        except InvalidToken as error:
            return error.reason

    def save(*, is_active: bool) -> None:
        tenant.is_active = is_active
        tenant.save()

    return [
        str(tenant.pk),
        outcome_of(lambda: None),
        outcome_of(lambda: save(is_active=False)),
        outcome_of(lambda: save(is_active=True)),
        outcome_of(lambda: credentials.revoke(key.credential, act=Act(now=now))),
    ]


def run() -> None:
    """Begin with an empty database; Django is set up already, or nothing above could be read."""
    call_command("migrate", verbosity=0)
    print(json.dumps(outcomes()))  # noqa: T201
