"""Program that uses two tenants in one process, and prints what each of them answered.

Needs an empty PostgreSQL database in DATABASE_URL.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.test import Client  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from tests.schemas.models import Customer, Domain  # noqa: E402
from tests.support.factories import (  # noqa: E402
    api_key_header,
    bearer_header,
    make_api_key,
    make_organization,
)
from token_exchange.issuer import credentials, organizations  # noqa: E402
from token_exchange.models import AuditEvent, HourlyCount  # noqa: E402
from token_exchange.models.cache_invalidation import feed_changed  # noqa: E402
from token_exchange.observability import exchange_counts  # noqa: E402

TENANTS = ("red", "blue")


@contextmanager
def elsewhere() -> Any:
    """Do something as another process would: the caches of this one are not told."""
    receivers, feed_changed.receivers = feed_changed.receivers, []
    try:
        yield
    finally:
        feed_changed.receivers = receivers


def exchange(name: str, key: Any) -> Any:
    return Client(HTTP_HOST=f"{name}.test").post(
        "/v1/token", headers=api_key_header(key), secure=True
    )


def status(name: str, token: str) -> int:
    """Use a token of a machine: 403 once it is verified, because it is no user's."""
    client = Client(HTTP_HOST=f"{name}.test")
    return client.get("/v1/user-api-keys", headers=bearer_header(token), secure=True).status_code


def main() -> dict[str, Any]:
    call_command("migrate_schemas", verbosity=0)
    keys, tokens = {}, {}
    for name in TENANTS:
        tenant = Customer.objects.create(schema_name=name, name=name)
        Domain.objects.create(domain=f"{name}.test", tenant=tenant, is_primary=True)
        with schema_context(name):
            keys[name] = make_api_key(organization=make_organization(slug=name))
    for name in TENANTS:
        tokens[name] = exchange(name, keys[name]).json()["access_token"]
    found: dict[str, Any] = {
        "own": {name: status(name, tokens[name]) for name in TENANTS},
        "foreign": {
            "red in blue": status("blue", tokens["red"]),
            "blue in red": status("red", tokens["blue"]),
            "key of red in blue": exchange("blue", keys["red"]).status_code,
        },
    }
    with schema_context("red"), elsewhere():
        credentials.revoke(keys["red"].credential)
    found["revoked in red"] = {name: status(name, tokens[name]) for name in TENANTS}
    with schema_context("blue"), elsewhere():
        organization = keys["blue"].credential.organization
        organization.is_active = False
        organizations.edit(organization)
    found["inactive in blue"] = {name: status(name, tokens[name]) for name in TENANTS}
    for name in TENANTS:
        with schema_context(name):
            exchange_counts.flush()
            rows = HourlyCount.objects.exclude(identifier="").filter(outcome="exchanged")
            found[f"counted in {name}"] = [
                [row.identifier == keys[name].credential.identifier, row.count] for row in rows
            ]
            events = AuditEvent.objects.filter(event="credential.revoked")
            found[f"audited in {name}"] = events.count()
    return found


if __name__ == "__main__":
    print(json.dumps(main()))  # noqa: T201
