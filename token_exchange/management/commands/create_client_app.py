"""The command that issues a client app."""

from __future__ import annotations

from token_exchange.management.issue_command import IssueCommand
from token_exchange.models import Credential


class Command(IssueCommand):
    """Issue a client app."""

    help = "Issue a client app and print its client ID and secret (the secret is shown once)."
    kind = Credential.Kind.CLIENT_APP
