"""Program that deletes and restores a member and a tenant, and prints what still works.

It reads steps on standard input, as JSON: each sets ``deleted_at`` of a member or a tenant, in
seconds from now, or to null, or lets time pass. After each it prints the names of the doors that
are open, and at the end how many queries of an exchange read the key, its owner or its tenant.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import time_machine
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.soft_deletion.models import Member, Tenant
from tests.support.clients import HttpsClient
from tests.support.factories import (
    api_key_header,
    basic_header,
    bearer_header,
    make_api_key,
    make_client_app,
)
from token_exchange.issuer.revocation_feed import read_page
from token_exchange.issuer.self_service import SelfServiceEntitlement
from token_exchange.models import AccessToken, APIKey, Credential, parents
from token_exchange.observability.notifications.due import expiring

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SCOPES = ["keys:manage", "reports:read"]


def entitlement(user: Any) -> Any:
    return SelfServiceEntitlement(organization=Tenant.everyone.get(), scopes=["reports:read"])


class Doors:
    """A member's key and an app of a tenant, with a token of each."""

    def __init__(self) -> None:
        self.member = Member.everyone.create(username="member")
        self.tenant = Tenant.everyone.create(name="Tenant", slug="tenant")
        key = make_api_key(
            organization=self.tenant,
            owner=self.member,
            scopes=SCOPES,
            expires_at=NOW + timedelta(days=20),
            now=NOW - timedelta(days=15),
        )
        self.identifier = key.credential.identifier
        app = make_client_app(organization=self.tenant, scopes=SCOPES)
        self.client = HttpsClient()
        self.key, self.app = api_key_header(key), basic_header(app)
        token = self.client.post("/v1/token", headers=self.key).json()["access_token"]
        auth_token = self.client.post("/auth_token", headers=self.app).json()["access_token"]
        self.bearer = bearer_header(token)
        self.machine = bearer_header(auth_token["token"])
        self.session = HttpsClient()
        self.session.force_login(self.member, backend="django.contrib.auth.backends.ModelBackend")

    def open(self) -> list[str]:
        answers = {
            "exchange a key": self.client.post("/v1/token", headers=self.key),
            "exchange an app": self.client.post("/auth_token", headers=self.app),
            "a key directly": self.client.get("/key", headers=self.key),
            "an app directly": self.client.get("/app", headers=self.app),
            "a user's token": self.client.get("/bearer", headers=self.bearer),
            "a machine's token": self.client.get("/bearer", headers=self.machine),
            "self-service by token": self._created(self.client, headers=self.bearer),
            "self-service by session": self.session.get("/v1/user-api-keys"),
        }
        unexpected = {each.status_code for each in answers.values()} - {200, 201, 401, 403}
        assert not unexpected, unexpected
        found = [name for name, each in answers.items() if each.status_code < 300]
        return [*found, *self._shown()]

    def _created(self, client: Client, **extra: Any) -> Any:
        body = json.dumps({"label": "mine", "scope": "reports:read"})
        answer = client.post("/v1/user-api-keys", body, content_type="application/json", **extra)
        if answer.status_code == 201:
            client.delete(f"/v1/user-api-keys/{answer.json()['id']}", **extra)
        return answer

    def _shown(self) -> list[str]:
        page = read_page(epoch="", after=0, mark="")
        warned = {each.identifier for each in expiring("expiry_warned_at", now=NOW)}
        tokens = AccessToken.objects.live(now=NOW).values_list("credential__kind", flat=True)
        found = {
            "feed: user": str(self.member.pk) not in page.inactive_users,
            "feed: organization": str(self.tenant.pk) not in page.inactive_organizations,
            "live tokens of the key": Credential.Kind.API_KEY in tokens,
            "live tokens of the app": Credential.Kind.CLIENT_APP in tokens,
            "warnings": self.identifier in warned,
            "choice of the admin: user": self._is_choice(admin.site, "owner", self.member),
            "choice of the admin: organization": self._is_choice(
                admin.site, "organization", self.tenant
            ),
            "command: user": self._is_issued("--owner", "member"),
            "command: organization": self._is_issued(),
        }
        assert parents.is_shown(self.member) is found["feed: user"]
        return [name for name, is_open in found.items() if is_open]

    def _is_choice(self, site: Any, name: str, value: Any) -> bool:
        request = RequestFactory().get("/")
        request.user = self.member
        self.member.is_superuser = True
        field = site.get_model_admin(APIKey).formfield_for_foreignkey(
            Credential._meta.get_field(name), request
        )
        return bool(field.queryset.filter(pk=value.pk).exists())

    def _is_issued(self, *arguments: str) -> bool:
        try:
            call_command(
                "create_api_key",
                "--organization=tenant",
                "--name=x",
                *arguments,
                stdout=StringIO(),
            )
        except CommandError:
            return False
        return True

    def reads(self) -> int:
        with CaptureQueriesContext(connection) as captured:
            self.client.post("/v1/token", headers=self.key)
        read = [each["sql"] for each in captured if each["sql"].startswith("SELECT")]
        return sum("token_exchange_credential" in each or "soft_del" in each for each in read)


def outcomes(steps: list[list[Any]]) -> list[Any]:
    with time_machine.travel(NOW, tick=False) as clock:
        call_command("migrate", verbosity=0)
        doors = Doors()
        results: list[Any] = [doors.open()]
        for name, seconds in steps:
            if name == "wait":
                clock.shift(seconds)
            else:
                row = getattr(doors, name)
                row.deleted_at = None if seconds is None else NOW + timedelta(seconds=seconds)
                type(row).everyone.filter(pk=row.pk).update(deleted_at=row.deleted_at)
            results.append(doors.open())
        return [*results, doors.reads()]


def run() -> None:
    """Begin with an empty database; Django is set up already, or nothing above could be read."""
    print(json.dumps(outcomes(json.load(sys.stdin))))  # noqa: T201
