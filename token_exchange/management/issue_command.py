"""What do the commands that issue a credential share?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.utils import timezone

from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import Act, CredentialPolicy, IssuedSecret
from token_exchange.management.arguments import (
    find_organization,
    find_user,
    positive_duration,
    scope,
)
from token_exchange.management.base import OneAnswerCommand
from token_exchange.management.output import issued_facts, issued_text
from token_exchange.management.shell_origin import shell_origin


class IssueCommand(OneAnswerCommand):
    """Issue a credential of one kind and show its secret, this once."""

    kind: ClassVar[str]
    issued: IssuedSecret

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add what a credential of either kind may have."""
        add = parser.add_argument
        add("--organization", required=True, metavar="SLUG", help="The organization that owns it.")
        add("--name", required=True, help="What people call it; 255 characters at most.")
        add(
            "--scope",
            type=scope,
            action="append",
            default=[],
            help="What it may do; once for each scope.",
        )
        add(
            "--audience",
            action="append",
            default=[],
            help="A service that accepts its tokens; default: this service's own.",
        )
        add(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="A network that it may be used from; default: any.",
        )
        add(
            "--expires-in",
            type=positive_duration,
            metavar="DURATION",
            help="How long it lives, such as 90d; default: until revoked, or MAX_KEY_LIFETIME.",
        )
        add(
            "--token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="How long its tokens live, such as 30m; default: the organization's.",
        )

    def answer(
        self,
        *,
        organization: str,
        name: str,
        scope: list[str],
        audience: list[str],
        network: list[str],
        expires_in: timedelta | None,
        token_lifetime: timedelta | None,
        owner: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Issue it."""
        now = timezone.now()
        self.issued = credentials.issue(
            kind=self.kind,
            organization=find_organization(organization),
            name=name,
            owner=None if owner is None else find_user(owner),
            policy=CredentialPolicy(
                scopes=frozenset(scope),
                audience=tuple(audience),
                token_lifetime=token_lifetime,
                allowed_networks=tuple(network),
                expires_at=None if expires_in is None else now + expires_in,
            ),
            act=Act(now=now, origin=shell_origin()),
        )
        return issued_facts(self.issued, now=now)

    def text(self, answer: dict[str, Any]) -> str:
        """Show the secret and how to keep it."""
        return issued_text(self.issued, answer)
