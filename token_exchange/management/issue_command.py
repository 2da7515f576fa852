"""Base class of the commands that issue a credential."""

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
    """Issue a credential of one kind and print its secret (shown once)."""

    kind: ClassVar[str]
    issued: IssuedSecret

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the arguments that both kinds of credentials have."""
        add = parser.add_argument
        add("--organization", required=True, metavar="SLUG", help="The organization it belongs to.")
        add("--name", required=True, help="Its name, up to 255 characters.")
        add(
            "--scope",
            type=scope,
            action="append",
            default=[],
            help="A scope it may use. Repeat for more.",
        )
        add(
            "--audience",
            action="append",
            default=[],
            help="A service that accepts its tokens. Repeat for more. Default: this service.",
        )
        add(
            "--network",
            action="append",
            default=[],
            metavar="CIDR",
            help="A network it may be used from. Repeat for more. Default: any.",
        )
        add(
            "--expires-in",
            type=positive_duration,
            metavar="DURATION",
            help="Its lifetime, such as 90d. Default: MAX_KEY_LIFETIME, or no expiry.",
        )
        add(
            "--token-lifetime",
            type=positive_duration,
            metavar="DURATION",
            help="The lifetime of its tokens, such as 30m. Default: the organization's.",
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
        """Issue the credential."""
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
        """Return the stand-in of the secret with instructions."""
        return issued_text(self.issued, answer)

    def reveal(self, shown: str) -> str:
        """Put the secret in place of its stand-in."""
        return self.issued.reveal(shown)
