"""Participants of the demonstration: organization, user, clients and their secrets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from demonstration.narrator import Narrator
from demonstration.service import Service


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who takes part; the secrets are the demonstration's own."""

    admin: str
    password: str
    organization: str
    key: dict[str, Any]
    client: dict[str, Any]
    stranger: dict[str, Any]
    follower: dict[str, Any]

    @property
    def client_pair(self) -> tuple[str, str]:
        """The client's id and secret."""
        return self.client["client_id"], self.client["client_secret"]


def prepare(service: Service, narrator: Narrator) -> Cast:
    """Make the tables, an admin user, two organizations and their credentials."""
    narrator.step("A database, with two organizations, their API keys and a client app")
    narrator.ran("migrate")
    service.manage("migrate", "--no-input")
    # In a database of somebody's own the plain names may be taken.
    suffix = "" if service.is_fresh else f"-{secrets.token_hex(3)}"
    admin, password = f"admin{suffix}", secrets.token_urlsafe(12)
    user = ("createsuperuser", "--no-input", "--username", admin, "--email", "admin@example.com")
    narrator.ran(*user)
    service.manage(*user, DJANGO_SUPERUSER_PASSWORD=password)
    organization, other = f"example-company{suffix}", f"another-company{suffix}"
    command(service, narrator, "create_organization", "Example Company", "--slug", organization)
    issue = ("--organization", organization, "--name")
    reads, writes = ("--scope", "reports:read"), ("--scope", "reports:write")
    key = command(service, narrator, "create_api_key", *issue, "Nightly export", *reads)
    client = command(
        service, narrator, "create_client_app", *issue, "Report writer", *reads, *writes
    )
    command(service, narrator, "create_organization", "Another Company", "--slug", other)
    its = ("--organization", other, "--name")
    stranger = command(service, narrator, "create_api_key", *its, "Their export", *reads)
    feed = ("--scope", "token_exchange:revocations")
    follower = command(service, narrator, "create_api_key", *issue, "Archive", *feed)
    return Cast(
        admin=admin,
        password=password,
        organization=organization,
        key=key,
        client=client,
        stranger=stranger,
        follower=follower,
    )


def command(service: Service, narrator: Narrator, *arguments: str) -> dict[str, Any]:
    """Run a management command, print it, and return its answer."""
    answer: dict[str, Any] = service.answer(*arguments)
    narrator.ran(*arguments, answer=answer)
    return answer
