"""The command that issues an API key."""

from __future__ import annotations

from django.core.management.base import CommandParser

from token_exchange.management.issue_command import IssueCommand
from token_exchange.models import Credential


class Command(IssueCommand):
    """Issue an API key."""

    help = "Issue an API key and print it (shown once)."
    kind = Credential.Kind.API_KEY

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the owner, which only an API key can have."""
        super().add_own_arguments(parser)
        parser.add_argument(
            "--owner",
            metavar="USERNAME",
            help="The user its tokens act as. Default: none, for an organization key.",
        )
